// The settings of a parameter server.

public import Experience
public import Foundations

/// The settings of a parameter server.
public struct ParameterServerConfiguration: Sendable {
  /// How deltas are merged.
  public var aggregation: Aggregation
  /// The shortest time between two versions.
  public var publishEvery = Instant.Span.milliseconds(20)
  /// The newest version is published again after this time, because publications may be lost.
  public var republishEvery = Instant.Span.seconds(1)
  /// The same for the first time after a version; each further wait is twice as long, up to
  /// `republishEvery`. Nil: they are all alike. Under a bound on staleness learners and actors wait
  /// for each version, so a lost one stops the run until it comes again.
  public var republishFirst: Instant.Span?
  /// After this time of silence a learner is removed: rounds do not wait for it, and its index is
  /// free.
  public var memberGoneAfter = Instant.Span.seconds(5)
  /// Bytes that may be saved in a second, when not each version is: a fiftieth of what a disk's
  /// cache takes.
  public var savedBytesPerSecond = 20e6
  /// See `Algorithm.milestoneEvery`.
  public var milestoneEvery: UInt64?
  /// After this time of silence a process is removed from the status.
  public var processGoneAfter = Instant.Span.seconds(10)
  /// The run's secret: joins, reports and evaluations without it are refused. Nil accepts all.
  public var token: Identifier?

  public init(aggregation: Aggregation) {
    self.aggregation = aggregation
  }
}
