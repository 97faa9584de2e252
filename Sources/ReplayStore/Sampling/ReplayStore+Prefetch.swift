// Draws whose steps may have to come from the disk.

internal import CKernels
internal import Experience
public import Foundations

/// Bytes of a store's files that a batch needs, for another thread to have them read into memory.
public struct ColdPages: Sendable {
  /// Address and length of pieces.
  private(set) var pieces: [(address: UInt, count: Int)] = []

  public init() {}

  mutating func removeAll() { pieces.removeAll(keepingCapacity: true) }

  mutating func add(_ base: UnsafeRawPointer, _ count: Int) {
    pieces.append((UInt(bitPattern: base), count))
  }

  /// Has them read, all at once as far as the disk can, and waits for them. The mappings must stay. What is written to them meanwhile
  /// does not matter: a byte of each page is read, and thrown away.
  public func prefetch() {
    for piece in pieces { rookery_pages_wanted(UnsafeRawPointer(bitPattern: piece.address), piece.count) }
    for piece in pieces { rookery_pages_touch(UnsafeRawPointer(bitPattern: piece.address), piece.count) }
  }
}

extension ReplayStore {
  /// The steps may not fit in memory: those of a draw should be warmed before it is gathered.
  public var isLargerThanMemory: Bool { ring?.isLargerThanMemory ?? false }

  /// The bytes that `gather` will read for a draw's items (those at `indices`, all if nil). O(their steps).
  public func coldPages(of draw: Draw, at indices: [Int]? = nil, into pages: inout ColdPages) {
    pages.removeAll()
    guard let ring else { return }
    var history = [Int](repeating: 0, count: ring.layout.history)
    for index in indices ?? Array(0..<draw.count) where ring.isLive(draw.keys[index]) {
      // The steps mostly lie one after the other, and so do the frames before them: a piece is as long as they do.
      var (first, last) = (-1, -1)
      func note(_ slot: Int) {
        if slot == last { return }
        if first >= 0, slot != last + 1 {
          ring.addPages(first, last, to: &pages)
          first = -1
        }
        if first < 0 { first = slot }
        last = slot
      }
      if !history.isEmpty {
        _ = ring.writeHistory(before: draw.keys[index], to: &history)
        history.forEach(note)
      }
      var cursor = StepCursor(ring, position: draw.keys[index])
      note(cursor.slot)
      for _ in 1..<max(1, Int(draw.spans[index])) {
        cursor.advance(ring)
        note(cursor.slot)
      }
      ring.addPages(first, last, to: &pages)
    }
  }

  /// Draws again those items of a draw whose steps have gone since; returns where they are. They count as sampled once.
  public func replaceGone(in draw: inout Draw, generator: inout SeededGenerator) throws(ReplayStoreError)
    -> [Int]
  {
    let table = try self.table(draw.table)
    let ring = ring!
    var replaced: [Int] = []
    var fresh = Draw()
    for index in 0..<draw.count where !ring.isLive(draw.keys[index]) || !ring.hasHistory(draw.keys[index]) {
      guard table.size > 0 else { throw .request("sample: expected an item to draw anew, found none left") }
      table.sample(1, ring: ring, generator: &generator, into: &fresh)
      if doubtful != nil { try verify(&fresh, table, generator: &generator) }
      draw.replace(index, by: fresh)
      replaced.append(index)
    }
    return replaced
  }
}

extension StepRing {
  func addPages(_ first: Int, _ last: Int, to pages: inout ColdPages) {
    pages.add(row(first), (last - first + 1) * layout.rowStride)
    for (arena, bytes) in layout.largeByteCounts.enumerated() {
      pages.add(largeArenas[arena] + first * bytes, (last - first + 1) * bytes)
    }
  }
}
