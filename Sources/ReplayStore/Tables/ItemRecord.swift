// What a table stores of an item.

/// Eight bytes for the item whose first step is in a slot. A span of 0: no item.
struct ItemRecord {
  /// The raw priority.
  var priority: Float
  /// Steps spanned.
  var span: UInt16
  /// Samples so far; stays at its maximum once there.
  var timesSampled: UInt16

  static let none = ItemRecord(priority: 0, span: 0, timesSampled: 0)
  var isItem: Bool { span != 0 }
}
