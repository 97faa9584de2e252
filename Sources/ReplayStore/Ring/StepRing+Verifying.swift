// The unverified chunks of an earlier process, and the damaged ones.

internal import Experience

/// The chunks that are still to be verified. All before `next` are verified; those from `end` on
/// were written by this process.
struct UnverifiedChunks {
  private(set) var next: UInt64
  let end: UInt64
  /// A bit for each chunk from `first` on: whether it was verified out of order.
  private var verified: [UInt64]
  private let first: UInt64
  /// Steps in the chunks that are not verified.
  private(set) var steps: Int

  init(_ numbers: Range<UInt64>, steps: Int) {
    (first, next, end) = (numbers.lowerBound, numbers.lowerBound, numbers.upperBound)
    verified = Array(repeating: 0, count: numbers.count / 64 + 1)
    self.steps = steps
  }

  func isVerified(_ number: UInt64) -> Bool {
    if number < next || number >= end { return true }
    let index = Int(number - first)
    return verified[index / 64] >> UInt64(index % 64) & 1 == 1
  }

  mutating func markVerified(_ number: UInt64, steps count: Int) {
    guard !isVerified(number) else { return }
    let index = Int(number - first)
    verified[index / 64] |= 1 << UInt64(index % 64)
    steps -= count
  }

  /// The oldest chunk in the ring that is not verified; nil if there is none.
  mutating func oldest(from front: UInt64) -> UInt64? {
    while next < end, next < front || isVerified(next) { next += 1 }
    return next < end ? next : nil
  }
}

extension StepRing {
  /// The slots of a chunk's steps, in one or two ranges.
  func slots(of entry: ChunkEntry) -> [Range<Int>] {
    let slot = slot(entry.position)
    let untilEnd = min(Int(entry.count), capacity - slot)
    let pieces = [slot..<slot + untilEnd, 0..<Int(entry.count) - untilEnd]
    return pieces[1].isEmpty ? [pieces[0]] : pieces
  }

  /// Unlinks a damaged chunk: nothing continues it, and it continues nothing.
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
    // The flags of the stream's newest step are unknown too.
    if directory.number(of: newest) == number { record.pointee.lastFlags = [] }
  }

  /// Whether a stream has `span` consecutive, undamaged steps from a live position on. O(chunks
  /// that they lie in).
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

  /// Whether consecutive steps form a valid item: in one episode, unless the kind crosses episodes;
  /// and up to the episode's end if they are fewer than the most.
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
