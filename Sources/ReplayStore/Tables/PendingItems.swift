// The items of a message that are checked but not yet inserted.

/// Columns of resolved items, reused from message to message.
struct PendingItems: ~Copyable {
  private(set) var keys: UnsafeMutablePointer<UInt64>
  private(set) var spans: UnsafeMutablePointer<UInt16>
  /// Negative if the writer gave none.
  private(set) var priorities: UnsafeMutablePointer<Float>
  /// Scratch memory for `Table.insertPending`.
  private(set) var slots: UnsafeMutablePointer<UInt32>
  private var capacity: Int
  var count = 0

  static let noPriority: Float = -1

  init() {
    capacity = 64
    keys = .allocate(capacity: capacity)
    spans = .allocate(capacity: capacity)
    priorities = .allocate(capacity: capacity)
    slots = .allocate(capacity: capacity)
  }

  deinit {
    keys.deallocate()
    spans.deallocate()
    priorities.deallocate()
    slots.deallocate()
  }

  /// Makes room for `more` items.
  mutating func reserve(_ more: Int) {
    guard count + more > capacity else { return }
    let larger = max(count + more, capacity * 2)
    keys = Self.grown(keys, count, larger)
    spans = Self.grown(spans, count, larger)
    priorities = Self.grown(priorities, count, larger)
    slots = Self.grown(slots, count, larger)
    capacity = larger
  }

  private static func grown<T>(_ old: UnsafeMutablePointer<T>, _ count: Int, _ capacity: Int)
    -> UnsafeMutablePointer<T>
  {
    let new = UnsafeMutablePointer<T>.allocate(capacity: capacity)
    new.moveInitialize(from: old, count: count)
    old.deallocate()
    return new
  }
}
