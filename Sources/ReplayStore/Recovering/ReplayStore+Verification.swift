// Verifies steps of an earlier process before they are served, if that process did not end cleanly.

internal import Experience
internal import Foundations

/// Damage found in the files since the start.
public struct StoreDamage: Hashable, Sendable {
  /// Steps whose chunk failed its checksum, or that are older than a damaged record.
  public var steps = 0
  /// Items that needed those steps, or that were invalid themselves.
  public var items = 0

  public init() {}
}

extension ReplayStore {
  /// Steps that are still to be verified.
  public var stepsInDoubt: Int { unverified?.steps ?? 0 }

  /// Verifies the oldest unverified chunks, about `bytes` of them. Chunks that fail their checksum
  /// are dropped with their items; items that their steps do not allow are dropped too. `damage`
  /// counts both. O(bytes + items).
  public func verify(bytes: Int) {
    guard let ring else { return }
    var done = 0
    while done < bytes, let number = unverified?.oldest(from: ring.directory.front) {
      done += Int(ring.directory[number].count) * ring.layout.stepByteCount
      verify(chunk: number)
    }
    endVerification(ring)
  }

  /// The pages that the next `verify(bytes:)` reads, for another thread to prefetch.
  public func coldPagesInDoubt(bytes: Int, into pages: inout ColdPages) {
    pages.removeAll()
    guard let ring, var unverified, var number = unverified.oldest(from: ring.directory.front) else { return }
    var done = 0
    while done < bytes, number < unverified.end {
      let entry = ring.directory[number]
      for slots in ring.slots(of: entry) { ring.addPages(slots.lowerBound, slots.upperBound - 1, to: &pages) }
      done += Int(entry.count) * ring.layout.stepByteCount
      number += 1
    }
  }

  private func endVerification(_ ring: StepRing) {
    if unverified?.oldest(from: ring.directory.front) == nil { unverified = nil }
  }

  /// Verifies a live chunk unless that is done already; drops it if it is damaged.
  func verify(chunk number: UInt64) {
    guard let ring, let unverified, !unverified.isVerified(number) else { return }
    let entry = ring.directory[number]
    self.unverified?.markVerified(number, steps: Int(entry.count))
    let sum = ring.checksum(slot: ring.slot(entry.position), count: Int(entry.count))
    if sum == checksum(ofChunk: number) {
      for table in tables { damage.items += table.dropDisallowed(entry, ring) }
    } else {
      lose(number, ring)
    }
  }

  private func checksum(ofChunk number: UInt64) -> UInt64 {
    (ring?.folder ?? source)!.chunks[number].stepsChecksum
  }

  /// Drops a chunk and all items that need its steps: those that begin in it, reach into it, or
  /// have frames in it.
  private func lose(_ number: UInt64, _ ring: StepRing) {
    let entry = ring.directory[number]
    damage.steps += Int(entry.count)
    for table in tables {
      for slots in ring.slots(of: entry) { damage.items += table.drop(slots) }
      damage.items += table.dropReaching(into: number, ring)
    }
    if ring.layout.history > 0 {
      ring.forEachLosingFrame(of: number, before: ring.stagedFrom) { slot in
        for table in tables { damage.items += table.drop(slot..<slot + 1) }
      }
    }
    ring.lose(number)
    lostBefore = max(lostBefore, number + 1)
  }

  /// Verifies the newest chunks of streams that may continue, as the next steps are checked against
  /// their flags.
  func verifyNewest(_ ring: StepRing) {
    let needed =
      tables.reduce(1) { max($0, $1.configuration.schema.kind.spans.upperBound) } + ring.layout.history
    for record in ring.streams.open {
      var steps = 0
      var index = record.chunks.count - 1
      while index >= 0, steps < needed {
        let number = ring.directory.number(of: record.chunks[index])
        verify(chunk: number)
        steps += Int(ring.directory[number].count)
        index -= 1
      }
    }
  }

  /// Verifies the steps of a draw, and draws other items in place of those that are dropped.
  @inline(never)
  func verify(_ draw: inout Draw, _ table: Table, generator: inout SeededGenerator) throws(ReplayStoreError) {
    guard let ring else { return }
    let shape = ItemShape(table.configuration.schema.kind, ring)
    var fresh = Draw()
    fresh.table = draw.table
    for index in 0..<draw.count {
      while !verify(draw.keys[index], span: Int(draw.spans[index]), shape: shape, ring) {
        guard table.size > 0 else {
          throw .blocked(
            table: draw.table, reason: "all items were dropped, because their steps are damaged on disk")
        }
        table.sample(1, ring: ring, generator: &generator, into: &fresh)
        draw.replace(index, by: fresh)
      }
    }
    endVerification(ring)
  }

  /// Verifies the chunks that an item needs; returns whether the item is still valid.
  private func verify(_ key: UInt64, span: Int, shape: ItemShape, _ ring: StepRing) -> Bool {
    let first = ring.directory.number(of: ring.references[ring.slot(key)])
    var number = first
    var frames = ring.layout.history - Int(key - ring.directory[first].position)
    while frames > 0, ring.directory[number].previous < ChunkEntry.lost,
      ring.directory.isLive(ring.directory[number].previous)
    {
      number = ring.directory[number].previous
      verify(chunk: number)
      frames -= Int(ring.directory[number].count)
    }
    number = first
    verify(chunk: number)
    var left = span - Int(ring.directory[number].end - key)
    while left > 0, ring.directory[number].hasNext {
      number = ring.directory[number].next
      verify(chunk: number)
      left -= Int(ring.directory[number].count)
    }
    // The steps may be whole and yet make no item: one is missing, or an episode ends in between.
    return ring.holds(span, stepsFrom: key) && ring.hasHistory(key) && ring.allows(span, from: key, of: shape)
  }

  /// Marks the files as whole, if all chunks are verified, because the process is about to end
  /// cleanly. Do not use the store afterwards.
  public func end() {
    guard let ring, let folder = ring.folder else { return }
    endVerification(ring)
    if unverified == nil, lostBefore <= ring.directory.front { folder.header.mark(ended: true) }
  }
}

extension Table {
  /// Drops items of a whole chunk that its steps do not allow; returns how many.
  func dropDisallowed(_ entry: ChunkEntry, _ ring: StepRing) -> Int {
    let shape = ItemShape(configuration.schema.kind, ring)
    if shape.crossesEpisodes || shape.spans.upperBound == 1 || size == 0 { return 0 }
    var dropped = 0
    for slots in ring.slots(of: entry) {
      for slot in slots where records[slot].isItem {
        let position = ring.position(inSlot: slot)
        if !ring.allows(Int(records[slot].span), from: position, of: shape) {
          dropped += drop(slot..<slot + 1)
        }
      }
    }
    return dropped
  }

  /// Drops items of earlier chunks that reach into a chunk; returns how many. O(the longest span).
  func dropReaching(into number: UInt64, _ ring: StepRing) -> Int {
    var (dropped, distance) = (0, 0)
    var earlier = ring.directory[number].previous
    let most = configuration.schema.kind.spans.upperBound
    while earlier < ChunkEntry.lost, ring.directory.isLive(earlier) {
      let entry = ring.directory[earlier]
      for step in (entry.position..<entry.end).reversed() {
        distance += 1
        if distance >= most { return dropped }
        let slot = ring.slot(step)
        if Int(records[slot].span) > distance { dropped += drop(slot..<slot + 1) }
      }
      earlier = entry.previous
    }
    return dropped
  }
}
