// The chunks that the ring holds.

/// A live chunk.
struct ChunkEntry {
  /// Position of its first step.
  var position: UInt64
  /// Index of its first step in its stream.
  var firstIndex: UInt64
  var weightsVersion: UInt64
  /// Number of the chunk that continues its stream without a cut; `none` while there is none.
  var next: UInt64
  /// Number of the chunk that it continues, which may have been evicted; `none` if it continues
  /// none.
  var previous: UInt64 = ChunkEntry.none
  /// Number of its stream's record.
  var stream: UInt32
  /// Steps in it.
  var count: UInt32

  static let none = UInt64.max
  /// As `next` alone: the chunk that continued this one was damaged. As `next` and `previous`: this
  /// chunk is damaged itself, and keeps its place until it is evicted.
  static let lost = UInt64.max - 1
  var isLost: Bool { previous == ChunkEntry.lost }
  var hasNext: Bool { next < ChunkEntry.lost }
  var end: UInt64 { position + UInt64(count) }
}

/// A queue of chunks, oldest first. Chunks are numbered from 0, and numbers are never reused. A
/// step refers to its chunk by the number's low 32 bits, which is unambiguous while fewer than 2³²
/// chunks are live.
struct ChunkDirectory: ~Copyable {
  /// Entry n is at n & mask.
  private(set) var entries: UnsafeMutablePointer<ChunkEntry>
  private(set) var mask: UInt64
  /// Number of the oldest chunk.
  private(set) var front: UInt64 = 0
  /// Number that the next chunk will have.
  private(set) var end: UInt64 = 0

  init() {
    entries = .allocate(capacity: 64)
    mask = 63
  }

  deinit { entries.deallocate() }

  var count: Int { Int(end - front) }
  var isEmpty: Bool { front == end }

  /// The entry of a live chunk.
  subscript(number: UInt64) -> ChunkEntry {
    @inline(__always) get { entries[Int(truncatingIfNeeded: number & mask)] }
    @inline(__always) nonmutating set { entries[Int(truncatingIfNeeded: number & mask)] = newValue }
  }

  func isLive(_ number: UInt64) -> Bool { number >= front && number < end }

  /// The number of the live chunk that a step's reference means.
  @inline(__always)
  func number(of reference: UInt32) -> UInt64 {
    front &+ UInt64(reference &- UInt32(truncatingIfNeeded: front))
  }

  mutating func append(_ entry: ChunkEntry) {
    if end - front > mask { grow() }
    self[end] = entry
    end += 1
  }

  /// Sets the number of the next chunk of an empty directory.
  mutating func start(at number: UInt64) {
    precondition(isEmpty, "a directory that holds chunks")
    front = number
    end = number
  }

  mutating func removeFirst() {
    assert(!isEmpty)
    front += 1
  }

  mutating func removeLast() {
    assert(!isEmpty)
    end -= 1
  }

  private mutating func grow() {
    let larger = UnsafeMutablePointer<ChunkEntry>.allocate(capacity: (Int(mask) + 1) * 2)
    let largerMask = mask * 2 + 1
    for number in front..<end {
      larger[Int(truncatingIfNeeded: number & largerMask)] = self[number]
    }
    entries.deallocate()
    entries = larger
    mask = largerMask
  }
}
