// The k-th slot of a set, and the rank of a slot.

extension SlotSet {
  /// The slot with `rank` smaller ones in the set; 0 ≤ rank < count.
  func select(_ rank: Int) -> Int {
    precondition(rank >= 0 && rank < count, "a rank outside the set")
    var rest = rank
    var node = 0
    var level = offsets.count
    while level > 0 {
      level -= 1
      let group = counts + offsets[level] + node * 8
      var child = 0
      while rest >= Int(group[child]) {
        rest -= Int(group[child])
        child += 1
      }
      node = node * 8 + child
    }
    let block = words + node * Self.blockWords
    var word = 0
    while rest >= block[word].nonzeroBitCount {
      rest -= block[word].nonzeroBitCount
      word += 1
    }
    return node << 9 + word << 6 + Self.selectBit(block[word], rest)
  }

  /// How many slots of the set are below `slot`.
  func rank(of slot: Int) -> Int {
    var rank = (words[slot >> 6] & ~(~0 << UInt64(slot & 63))).nonzeroBitCount
    for word in (slot >> 9) << 3..<slot >> 6 { rank += words[word].nonzeroBitCount }
    var node = slot >> 9
    for offset in offsets {
      for sibling in node & ~7..<node { rank += Int(counts[offset + sibling]) }
      node >>= 3
    }
    return rank
  }

  /// The first slot of the set at or after `start`, wrapping around. The set must not be empty.
  func first(from start: Int) -> Int {
    let below = rank(of: start)
    return select(below == count ? 0 : below)
  }

  /// The last slot of the set before `end`, wrapping around. The set must not be empty.
  func last(before end: Int) -> Int {
    let below = rank(of: end)
    return select(below == 0 ? count - 1 : below - 1)
  }

  /// Calls `body` with all slots of the set in order. O(capacity / 64 + slots).
  func forEach(_ body: (Int) -> Void) {
    for word in 0..<(capacity + 63) / 64 {
      var bits = words[word]
      while bits != 0 {
        body(word << 6 + bits.trailingZeroBitCount)
        bits &= bits - 1
      }
    }
  }

  /// The position of the bit with `rank` set bits below it, by halving.
  @inline(__always)
  static func selectBit(_ word: UInt64, _ rank: Int) -> Int {
    var rest = rank
    var bits = word
    var position = 0
    var width: UInt64 = 32
    while width > 0 {
      let lower = (bits & (1 << width - 1)).nonzeroBitCount
      if rest >= lower {
        rest -= lower
        bits >>= width
        position += Int(width)
      }
      width >>= 1
    }
    return position
  }
}
