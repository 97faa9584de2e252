// What a table knows of an item.

/// Eight bytes for the item whose first step is in a slot. No item: span 0.
struct ItemRecord {
  /// The raw priority.
  var priority: Float
  /// Steps spanned.
  var span: UInt16
  /// How often it has been sampled; stays at its maximum once there.
  var timesSampled: UInt16

  static let none = ItemRecord(priority: 0, span: 0, timesSampled: 0)
  var isItem: Bool { span != 0 }
}
