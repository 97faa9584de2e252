// What an insert has done.

/// Counts of one message.
public struct InsertSummary: Hashable, Sendable {
  /// Steps inserted.
  public var steps = 0
  /// Items inserted.
  public var items = 0
  /// Items skipped because their first step had been evicted.
  public var itemsStale = 0
  /// Steps evicted to make room.
  public var stepsEvicted = 0
  /// Items evicted with those steps.
  public var itemsEvicted = 0
  /// Items removed because their table was full.
  public var itemsRemoved = 0

  public init() {}
}
