// The live chunks of one stream.

/// A growing queue of chunk references. Its owner calls `free`.
struct ChunkQueue {
  private var references: UnsafeMutablePointer<UInt32>?
  private var capacity = 0
  private var start = 0
  private(set) var count = 0

  init() {}

  func free() { references?.deallocate() }

  /// The reference that has `index` older ones before it.
  subscript(index: Int) -> UInt32 {
    references![(start + index) & (capacity - 1)]
  }

  mutating func append(_ reference: UInt32) {
    if count == capacity { grow() }
    references![(start + count) & (capacity - 1)] = reference
    count += 1
  }

  mutating func removeFirst() {
    start = (start + 1) & (capacity - 1)
    count -= 1
  }

  mutating func removeLast() { count -= 1 }

  private mutating func grow() {
    let larger = UnsafeMutablePointer<UInt32>.allocate(capacity: max(4, capacity * 2))
    for index in 0..<count { larger[index] = self[index] }
    references?.deallocate()
    references = larger
    capacity = max(4, capacity * 2)
    start = 0
  }
}
