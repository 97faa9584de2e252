// Chunks of an earlier incarnation that are looked at once more, and those that are lost.

internal import Experience

/// Which chunks are not known yet to be what was written. Numbers grow: all before `next` are
/// known, and those from `end` on were written by this incarnation.
struct DoubtfulChunks {
  private(set) var next: UInt64
  let end: UInt64
  /// Known out of turn: a bit for each from `first` on.
  private var known: [UInt64]
  private let first: UInt64
  /// Steps in those that are not known.
  private(set) var steps: Int

  init(_ numbers: Range<UInt64>, steps: Int) {
    (first, next, end) = (numbers.lowerBound, numbers.lowerBound, numbers.upperBound)
    known = Array(repeating: 0, count: numbers.count / 64 + 1)
    self.steps = steps
  }

  func isKnown(_ number: UInt64) -> Bool {
    if number < next || number >= end { return true }
    let index = Int(number - first)
    return known[index / 64] >> UInt64(index % 64) & 1 == 1
  }

  mutating func note(_ number: UInt64, steps count: Int) {
    guard !isKnown(number) else { return }
    let index = Int(number - first)
    known[index / 64] |= 1 << UInt64(index % 64)
    steps -= count
  }

  /// The oldest that is not known, of those that are left in the ring; nil once there is none.
  mutating func oldest(from front: UInt64) -> UInt64? {
    while next < end, next < front || isKnown(next) { next += 1 }
    return next < end ? next : nil
  }
}

extension StepRing {
  /// The slots of a chunk's steps, in one piece or two.
  func slots(of entry: ChunkEntry) -> [Range<Int>] {
    let slot = slot(entry.position)
    let untilEnd = min(Int(entry.count), capacity - slot)
    let pieces = [slot..<slot + untilEnd, 0..<Int(entry.count) - untilEnd]
    return pieces[1].isEmpty ? [pieces[0]] : pieces
  }

  /// Unlinks a chunk whose steps are not those that were written: nothing continues it, and it
  /// continues nothing.
  func lose(_ number: UInt64) {
    let entry = directory[number]
    if entry.previous != ChunkEntry.none, directory.isLive(entry.previous) {
      directory[entry.previous].next = ChunkEntry.lost
    }
    if entry.hasNext, directory.isLive(entry.next) { directory[entry.next].previous = ChunkEntry.none }
    directory[number].next = ChunkEntry.lost
    directory[number].previous = ChunkEntry.lost
    let record = streams.records + Int(entry.stream)
    let newest = record.pointee.chunks[record.pointee.chunks.count - 1]
    // Its last flags are among what is not known.
    if directory.number(of: newest) == number { record.pointee.lastFlags = [] }
  }

  /// Whether `span` steps of a stream follow each other from a live position on, none of them lost.
  /// O(chunks they lie in).
  func holds(_ span: Int, stepsFrom position: UInt64) -> Bool {
    var entry = directory[directory.number(of: references[slot(position)])]
    if entry.isLost { return false }
    var left = span - Int(entry.end - position)
    while left > 0 {
      guard entry.hasNext else { return false }
      entry = directory[entry.next]
      left -= Int(entry.count)
    }
    return true
  }

  /// Whether steps that follow each other may be an item: of one episode unless the kind crosses,
  /// and, where they are fewer than the most, up to its end.
  func allows(_ span: Int, from position: UInt64, of shape: ItemShape) -> Bool {
    if shape.crossesEpisodes || shape.spans.upperBound == 1 { return true }
    var cursor = StepCursor(self, position: position)
    for _ in 1..<span {
      if flags(cursor.slot).contains(.isLast) { return false }
      cursor.advance(self)
      if flags(cursor.slot).contains(.isFirst) { return false }
    }
    return span == shape.spans.upperBound || flags(cursor.slot).contains(.isLast)
  }
}
