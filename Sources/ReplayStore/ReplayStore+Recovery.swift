// A store goes on where another life of it ended.

internal import Experience
internal import Foundations

/// What a store found in its folder.
public struct RecoverySummary: Hashable, Sendable {
  public var steps = 0
  public var chunks = 0
  public var items = 0
  /// Steps that fail their checksum (the machine went down while they were written), or are older than a record that does.
  public var stepsDropped = 0
  /// Items that name steps that are not there.
  public var itemsDropped = 0
  /// The page that says what counts was empty: whatever the folder held is dropped, however many steps that were.
  public var hasLostHeader = false
  public var writers: [KnownWriter] = []

  public init() {}
}

extension ReplayStore {
  /// Steps between two calls of `progress`.
  static let progressEvery = 1 << 20

  /// Takes over what the folder holds: chunks in order, their streams, then the tables. `progress` is told steps done and steps in all.
  /// With `verifying` each chunk's steps are checked against their checksum. O(capacity).
  func recover(
    _ folder: StoreFolder, _ ring: StepRing, _ tables: [Table], verifying: Bool, progress: (Int, Int) -> Void
  ) throws(ReplayStoreError) -> RecoverySummary {
    var summary = RecoverySummary()
    summary.hasLostHeader = folder.hasLostHeader
    let header = folder.header
    let commit = header.committed
    func takeBack(_ entry: ItemJournal.Entry) {
      let (table, slot) = (Int(entry.table), Int(entry.slot))
      guard tables.indices.contains(table), slot < folder.touchableSlots else { return }
      tables[table].records[slot] = entry.before
    }
    folder.journal.takeBack(generation: header.generation &+ 1, takeBack)
    try ItemJournal.takeBack(
      inFolder: folder.path, itemsMax: configuration.capacity * tables.count,
      generation: header.generation &+ 1, takeBack)
    // The commit counts from its generation on; the mark may be one behind.
    if let writer = folder.writers.all.first(where: { UInt64($0.handle) == commit.writer }),
      writer.committed < commit.sequence
    {
      folder.writers.commit(writer.handle, commit.sequence)
    }
    summary.writers = folder.writers.all
    let open = Set(summary.writers.map(\.handle))
    let front = firstUsable(folder, commit, &summary)
    ring.directory.start(at: front)
    ring.start(at: front < commit.end ? folder.chunks[front].position : commit.head)
    header.front = front
    let total = Int(commit.head - ring.head)
    var nextProgress = Self.progressEvery
    for number in front..<commit.end {
      ring.adopt(folder.chunks[number], verifying: verifying, isOpen: open.contains, &summary)
      if ring.count >= nextProgress {
        progress(ring.count, total)
        nextProgress += Self.progressEvery
      }
    }
    ring.stagedFrom = ring.directory.end
    ring.streams.finishRecovery()
    // What was dropped keeps its place in the files: a next start must not take it for whole.
    if summary.stepsDropped == 0 { header.bootID = BootID.current() }
    summary.chunks = ring.directory.count
    summary.steps = ring.count
    for (index, table) in tables.enumerated() {
      table.recall(folder.header.table(index).pointee)
      summary.itemsDropped += table.adoptItems(ring, touchable: folder.touchableSlots)
      summary.items += table.size
    }
    return summary
  }

  /// The oldest chunk from which on all records are whole and follow each other.
  func firstUsable(
    _ folder: StoreFolder, _ commit: StoreHeader.Commit, _ summary: inout RecoverySummary
  ) -> UInt64 {
    let front = min(folder.header.front, commit.end)
    var end = commit.head
    var number = commit.end
    while number > front, Int(commit.end - number) < 1 << folder.chunks.bits,
      folder.chunks.isReserved(number - 1)
    {
      let record = folder.chunks[number - 1]
      guard record.check == record.expectedCheck, record.count > 0,
        record.position < end, end - record.position == UInt64(record.count),
        commit.head - record.position <= UInt64(configuration.capacity),
        max(record.firstIndex, record.weightsVersion) <= StoreHeader.numberMax,
        slotsAreTouchable(record, folder)
      else { break }
      end = record.position
      number -= 1
    }
    if number > front {
      // How many steps a broken record stood for is not known; what is before it cannot be placed.
      summary.stepsDropped +=
        folder.chunks.isReserved(front) && folder.chunks[front].position < end
        ? Int(min(end - folder.chunks[front].position, UInt64(configuration.capacity))) : 1
    }
    return number
  }

  private func slotsAreTouchable(_ record: ChunkRecord, _ folder: StoreFolder) -> Bool {
    let slot = Int(record.position % UInt64(configuration.capacity))
    let last = slot + Int(record.count)
    return min(last, configuration.capacity) <= folder.touchableSlots
  }
}

extension StepRing {
  /// Takes over a chunk that lies at the head already.
  func adopt(
    _ record: ChunkRecord, verifying: Bool, isOpen: (Int) -> Bool, _ summary: inout RecoverySummary
  ) {
    let count = Int(record.count)
    let isWhole = !verifying || checksum(slot: headSlot, count: count) == record.checksum
    if !isWhole { summary.stepsDropped += count }
    let writer = isWhole ? Int(truncatingIfNeeded: record.writer) : Self.nobody
    let key = Stream.Key(writer: writer, stream: isWhole ? record.stream : 0)
    let known = streams.number(of: key)
    let number =
      known ?? streams.recover(key, firstIndex: record.firstIndex, isOpen: isWhole && isOpen(writer))
    let stream = streams.records + Int(number)
    let previous: UInt64? =
      isWhole && record.flags & ChunkRecord.isCut == 0 && record.firstIndex == stream.pointee.nextIndex
        && stream.pointee.chunks.count > 0
      ? directory.number(of: stream.pointee.chunks[stream.pointee.chunks.count - 1]) : nil
    if let previous { directory[previous].next = directory.end }
    let reference = UInt32(truncatingIfNeeded: directory.end)
    stream.pointee.chunks.append(reference)
    directory.append(
      ChunkEntry(
        position: head, firstIndex: record.firstIndex, weightsVersion: record.weightsVersion,
        next: ChunkEntry.none, previous: previous ?? ChunkEntry.none, stream: number, count: record.count))
    let untilEnd = min(count, capacity - headSlot)
    (references + headSlot).update(repeating: reference, count: untilEnd)
    references.update(repeating: reference, count: count - untilEnd)
    advanceHead(by: count)
    stream.pointee.nextIndex = record.firstIndex &+ UInt64(count)
    stream.pointee.lastFlags = flags((headSlot + capacity - 1) % capacity)
  }

  /// Whose the chunks are that recovery gave up: they keep their place until they are evicted.
  static let nobody = -1
}

extension Table {
  /// Takes over the items of live steps, and clears what lies elsewhere; returns how many name steps that are not there.
  /// O(slots on the disk).
  func adoptItems(_ ring: StepRing, touchable: Int) -> Int {
    var dropped = 0
    var slots: [UInt32] = []
    func flush() {
      self.slots.insert(slots, count: slots.count)
      slots.removeAll(keepingCapacity: true)
    }
    for slot in 0..<touchable where records[slot].isItem {
      let record = records[slot]
      let position = ring.position(inSlot: slot)
      guard ring.isLive(position), ring.holds(Int(record.span), stepsFrom: position),
        configuration.schema.kind.spans.contains(Int(record.span)),
        record.priority >= 0, record.priority.isFinite
      else {
        if ring.isLive(position) { dropped += 1 }
        records[slot] = .none
        continue
      }
      // It went with the frame that its stack needs, but the process died first.
      guard ring.hasHistory(position) else {
        records[slot] = .none
        continue
      }
      // Earlier lives may have let it be sampled more often.
      if configuration.timesSampledMax > 0, samplesLeft(in: record) == 0 {
        records[slot] = .none
        counters.removed &+= 1
        continue
      }
      slots.append(UInt32(slot))
      records[slot].priority = clip(record.priority)
      samplesLeft += samplesLeft(in: record)
      priorityMax = max(priorityMax, records[slot].priority)
      if slots.count == 4096 { flush() }
    }
    flush()
    // Out of reach only until the other files have grown again.
    for slot in touchable..<max(touchable, slotsInFile) where records[slot].isItem { records[slot] = .none }
    rebuildSelectors()
    makeRoom(for: 0, oldest: ring.oldestSlot, undo: nil)
    return dropped
  }
}

extension StepRing {
  /// Whether `span` steps of a stream follow each other from a live position on. O(chunks they lie in).
  func holds(_ span: Int, stepsFrom position: UInt64) -> Bool {
    var number = directory.number(of: references[slot(position)])
    var left = span
    var entry = directory[number]
    if streams.records[Int(entry.stream)].key.writer == Self.nobody { return false }
    left -= Int(entry.end - position)
    while left > 0 {
      guard entry.next != ChunkEntry.none else { return false }
      number = entry.next
      entry = directory[number]
      left -= Int(entry.count)
    }
    return true
  }
}
