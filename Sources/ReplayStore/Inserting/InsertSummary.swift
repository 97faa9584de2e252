// What an insert did.

/// Counts of one message.
public struct InsertSummary: Hashable, Sendable {
  public var steps = 0
  /// Items inserted.
  public var items = 0
  /// Items skipped, as their first step is gone.
  public var itemsStale = 0
  /// Steps evicted to make room.
  public var stepsEvicted = 0
  /// Items that went with them.
  public var itemsEvicted = 0
  /// Items that tables removed as they were full.
  public var itemsRemoved = 0

  public init() {}
}
