// The slots that hold an item.

/// A set of slots with rank and select in O(log₈ capacity): one bit for each slot, counts of
/// 512-bit blocks, and levels of sums of 8 counts. Counts are integers and exact at any size.
/// (Jacobson 1989, rank and select on bit vectors.)
final class SlotSet {
  let capacity: Int
  private(set) var count = 0
  private let arena: Arena
  let words: UnsafeMutablePointer<UInt64>
  /// Level 0 counts blocks; the last level is one group of at most 8 sums.
  let counts: UnsafeMutablePointer<UInt32>
  /// Where each level starts in `counts`.
  let offsets: [Int]

  static let blockBits = 512
  static let blockWords = 8

  init(capacity: Int) throws(ReplayStoreError) {
    let (offsets, countTotal, blocks) = Self.layout(capacity: capacity)
    self.capacity = capacity
    self.offsets = offsets
    let wordBytes = blocks * Self.blockBits / 8
    arena = try Arena(byteCount: wordBytes + countTotal * 4)
    words = arena.base.bindMemory(to: UInt64.self, capacity: blocks * Self.blockWords)
    counts = (arena.base + wordBytes).bindMemory(to: UInt32.self, capacity: countTotal)
  }

  private static func layout(capacity: Int) -> (offsets: [Int], counts: Int, blocks: Int) {
    let blocks = ((capacity + blockBits - 1) / blockBits + 7) & ~7
    var offsets: [Int] = []
    var total = 0
    var nodes = blocks
    while true {
      offsets.append(total)
      total += nodes
      if nodes <= 8 { return (offsets, total, blocks) }
      nodes = (nodes / 8 + 7) & ~7
    }
  }

  static func byteCount(capacity: Int) -> Int {
    let (_, counts, blocks) = layout(capacity: capacity)
    return blocks * blockBits / 8 + counts * 4
  }

  @inline(__always)
  func contains(_ slot: Int) -> Bool { words[slot >> 6] >> UInt64(slot & 63) & 1 == 1 }

  /// Adds slots that are not in the set.
  func insert(_ slots: UnsafePointer<UInt32>, count added: Int) {
    var block = -1
    var pending = 0
    for index in 0..<added {
      let slot = Int(slots[index])
      if slot >> 9 != block {
        if pending > 0 { add(pending, toBlock: block) }
        block = slot >> 9
        pending = 0
      }
      assert(!contains(slot))
      words[slot >> 6] |= 1 << UInt64(slot & 63)
      pending += 1
    }
    if pending > 0 { add(pending, toBlock: block) }
  }

  /// Removes a slot that is in the set.
  func remove(_ slot: Int) {
    assert(contains(slot))
    words[slot >> 6] &= ~(1 << UInt64(slot & 63))
    add(-1, toBlock: slot >> 9)
  }

  /// Removes all slots of a range that are in the set.
  func remove(_ range: Range<Int>) {
    var slot = range.lowerBound
    while slot < range.upperBound {
      let block = slot >> 9
      let blockEnd = min((block + 1) << 9, range.upperBound)
      var removed = 0
      while slot < blockEnd {
        let wordEnd = min((slot | 63) + 1, blockEnd)
        let mask = ((~0 as UInt64) >> UInt64(64 - (wordEnd - slot))) << UInt64(slot & 63)
        removed += (words[slot >> 6] & mask).nonzeroBitCount
        words[slot >> 6] &= ~mask
        slot = wordEnd
      }
      if removed > 0 { add(-removed, toBlock: block) }
    }
  }

  private func add(_ difference: Int, toBlock block: Int) {
    count += difference
    var node = block
    for offset in offsets {
      counts[offset + node] = UInt32(truncatingIfNeeded: Int(counts[offset + node]) + difference)
      node >>= 3
    }
  }
}
