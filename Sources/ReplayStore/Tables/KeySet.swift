// Detects a first step that occurs twice in one message.

/// The keys of a message so far. While each key is larger than the one before, none can occur
/// twice, and there is no look-up. After the first one that is not, the keys are kept in a hash set
/// with open addressing. It is emptied in O(1): an entry is valid only in the round that it was
/// made in.
struct KeySet: ~Copyable {
  private struct Entry {
    var key: UInt64
    var round: UInt64
  }

  private var entries: UnsafeMutablePointer<Entry>
  private var capacity: Int
  private var round: UInt64 = 0
  private var isInUse = false

  init() {
    capacity = 256
    entries = Self.empty(capacity)
  }

  deinit { entries.deallocate() }

  private static func empty(_ capacity: Int) -> UnsafeMutablePointer<Entry> {
    let entries = UnsafeMutablePointer<Entry>.allocate(capacity: capacity)
    entries.initialize(repeating: Entry(key: 0, round: 0), count: capacity)
    return entries
  }

  /// Empties the set and makes room for `count` keys.
  mutating func begin(_ count: Int) {
    round += 1
    isInUse = false
    var needed = capacity
    while needed < count * 2 { needed *= 2 }
    if needed == capacity { return }
    entries.deallocate()
    capacity = needed
    entries = Self.empty(needed)
  }

  /// Whether the key is new. `earlier` are all keys since `begin`, in order.
  @inline(__always)
  mutating func insert(_ key: UInt64, after earlier: UnsafeBufferPointer<UInt64>) -> Bool {
    if !isInUse {
      if earlier.isEmpty || earlier[earlier.count - 1] < key { return true }
      isInUse = true
      for key in earlier { _ = insert(key) }
    }
    return insert(key)
  }

  /// Whether the key is new. Neighbouring keys go to neighbouring entries, as positions are dense.
  @inline(__always)
  private func insert(_ key: UInt64) -> Bool {
    var index = Int(truncatingIfNeeded: key) & (capacity - 1)
    while entries[index].round == round {
      if entries[index].key == key { return false }
      index = (index + 1) & (capacity - 1)
    }
    entries[index] = Entry(key: key, round: round)
    return true
  }
}
