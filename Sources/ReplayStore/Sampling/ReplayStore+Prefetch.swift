// Prefetches the steps of a draw from disk.

internal import CKernels
internal import Experience
public import Foundations

/// Pages of a store's files that a batch needs, for another thread to read into memory.
public struct ColdPages: Sendable {
  /// Address and length of each range.
  private(set) var pieces: [(address: UInt, count: Int)] = []

  public init() {}

  mutating func removeAll() { pieces.removeAll(keepingCapacity: true) }

  mutating func add(_ base: UnsafeRawPointer, _ count: Int) {
    pieces.append((UInt(bitPattern: base), count))
  }

  /// Reads all pages, as many at once as the disk allows, and waits for them. The mappings must
  /// stay. Others may write to the pages meanwhile: one byte of each is read and discarded.
  public func prefetch() {
    for piece in pieces { rookery_pages_wanted(UnsafeRawPointer(bitPattern: piece.address), piece.count) }
    for piece in pieces { rookery_pages_touch(UnsafeRawPointer(bitPattern: piece.address), piece.count) }
  }
}

extension ReplayStore {
  /// Whether the steps may not fit in memory, so that a draw should be prefetched before it is
  /// gathered.
  public var isLargerThanMemory: Bool { ring?.isLargerThanMemory ?? false }

  /// The pages that `gather` will read for a draw's items (those at `indices`, all if nil). O(their
  /// steps).
  public func coldPages(of draw: Draw, at indices: [Int]? = nil, into pages: inout ColdPages) {
    pages.removeAll()
    guard let ring else { return }
    var history = [Int](repeating: 0, count: ring.layout.history)
    for index in indices ?? Array(0..<draw.count) where ring.isLive(draw.keys[index]) {
      // Adjacent steps, and the frames before them, form one range; most are adjacent.
      var (first, last) = (-1, -1)
      func add(_ slot: Int) {
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
        history.forEach(add)
      }
      var cursor = StepCursor(ring, position: draw.keys[index])
      add(cursor.slot)
      for _ in 1..<max(1, Int(draw.spans[index])) {
        cursor.advance(ring)
        add(cursor.slot)
      }
      ring.addPages(first, last, to: &pages)
    }
  }

  /// Draws other items in place of those whose steps have been evicted since the draw; returns
  /// their indices. Each of the new items counts as a sample too.
  public func replaceGone(in draw: inout Draw, generator: inout SeededGenerator) throws(ReplayStoreError)
    -> [Int]
  {
    let table = try self.table(draw.table)
    let ring = ring!
    var replaced: [Int] = []
    var fresh = Draw()
    for index in 0..<draw.count where !ring.isLive(draw.keys[index]) || !ring.hasHistory(draw.keys[index]) {
      guard table.size > 0 else {
        throw .request("sample: expected an item to draw for an evicted one, found none left")
      }
      table.sample(1, ring: ring, generator: &generator, into: &fresh)
      if unverified != nil { try verify(&fresh, table, generator: &generator) }
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
