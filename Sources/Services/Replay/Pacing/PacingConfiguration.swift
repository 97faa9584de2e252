// How a shard paces actors.

public import Foundations

/// The settings of a `StepPacer`.
public struct PacingConfiguration: Hashable, Sendable {
  /// The table's number.
  public var table: Int
  /// η.
  public var staleness: UInt64
  /// Steps from the start of an item to that of the next.
  public var period: Int
  /// Items of one batch.
  public var batch: Int
  /// One update consumes a batch of each learner, not of one.
  public var isSynchronous: Bool
  /// After this time of silence a grant has ended, and a learner's items count as spent.
  public var silentAfter = Instant.Span.seconds(2)
  /// The longest time that an answer travels. A request that comes again later was not answered.
  public var answerTravels = Instant.Span.milliseconds(500)

  public init(table: Int, staleness: UInt64, period: Int, batch: Int, isSynchronous: Bool) {
    self.table = table
    self.staleness = staleness
    self.period = period
    self.batch = batch
    self.isSynchronous = isSynchronous
  }
}
