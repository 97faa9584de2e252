// Finds the slot with the largest key.

/// A tree of fan-out 8 over keys indexed by slot. A node is the largest of its children; 0: no key.
final class TournamentTree {
  private let arena: Arena
  let nodes: UnsafeMutablePointer<UInt32>
  /// Where each level starts in `nodes`. Level 0 holds the keys; the last level is one group.
  let offsets: [Int]

  init(capacity: Int) throws(ReplayStoreError) {
    let (offsets, count) = Self.layout(capacity: capacity)
    self.offsets = offsets
    arena = try Arena(byteCount: count * 4)
    nodes = arena.bound(to: UInt32.self)
  }

  private static func layout(capacity: Int) -> (offsets: [Int], count: Int) {
    var offsets: [Int] = []
    var total = 0
    var level = (capacity + 7) & ~7
    while true {
      offsets.append(total)
      total += level
      if level <= 8 { return (offsets, total) }
      level = (level / 8 + 7) & ~7
    }
  }

  static func byteCount(capacity: Int) -> Int { layout(capacity: capacity).count * 4 }

  func key(at slot: Int) -> UInt32 { nodes[slot] }

  /// Sets a key. O(log₈ capacity), mostly O(1): the walk up ends at the first node that does not
  /// change.
  func assign(_ slot: Int, _ key: UInt32) {
    var before = nodes[slot]
    var now = key
    nodes[slot] = key
    var node = slot
    for level in 1..<offsets.count {
      let parent = offsets[level] + node >> 3
      let largest = nodes[parent]
      if now > largest {
        nodes[parent] = now
      } else if before == largest, now < before {
        now = self.largest(offsets[level - 1] + node & ~7)
        if now == largest { return }
        nodes[parent] = now
      } else {
        return
      }
      before = largest
      node >>= 3
    }
  }

  /// Removes the keys of a range of slots. O(count + log₈ capacity).
  func clear(_ range: Range<Int>) {
    guard !range.isEmpty else { return }
    (nodes + range.lowerBound).update(repeating: 0, count: range.count)
    var first = range.lowerBound
    var last = range.upperBound - 1
    for level in 1..<offsets.count {
      first >>= 3
      last >>= 3
      for node in first...last { nodes[offsets[level] + node] = largest(offsets[level - 1] + node * 8) }
    }
  }

  @inline(__always)
  func largest(_ group: Int) -> UInt32 {
    var largest = nodes[group]
    for child in 1..<8 { largest = max(largest, nodes[group + child]) }
    return largest
  }

  /// The first slot with the largest key at or after `start`, wrapping around. There must be a key.
  /// O(log₈ capacity).
  func winner(from start: Int) -> Int {
    let key = largest(offsets[offsets.count - 1])
    precondition(key > 0, "a winner among no keys")
    return first(key, from: start) ?? first(key, from: 0)!
  }

  /// The first slot at or after `start` whose key is `key`, which is the largest key.
  private func first(_ key: UInt32, from start: Int) -> Int? {
    var node = start
    for level in offsets.indices {
      let end = level + 1 < offsets.count ? offsets[level + 1] - offsets[level] : 8
      if node >= end { return nil }
      // Searches the rest of this group, then what follows its parent. A node that holds the key
      // has it in a leaf below.
      for candidate in node...node | 7 where nodes[offsets[level] + candidate] == key {
        return descend(key, from: candidate, at: level)
      }
      node = node >> 3 + 1
    }
    return nil
  }

  private func descend(_ key: UInt32, from node: Int, at level: Int) -> Int {
    var node = node
    for below in (0..<level).reversed() {
      node *= 8
      while nodes[offsets[below] + node] != key { node += 1 }
    }
    return node
  }
}
