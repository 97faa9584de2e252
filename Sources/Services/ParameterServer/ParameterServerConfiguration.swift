// How a parameter server works.

public import Experience
public import Foundations

public struct ParameterServerConfiguration: Sendable {
  public var aggregation: Aggregation
  /// Weights are published at most so often; again after `republishEvery` when nothing changes,
  /// because a publication may be lost.
  public var publishEvery = Instant.Span.milliseconds(20)
  public var republishEvery = Instant.Span.seconds(1)
  /// A learner silent for this long is no longer waited for, and its index is free.
  public var memberGoneAfter = Instant.Span.seconds(5)
  /// See `Algorithm.milestoneEvery`.
  public var milestoneEvery: UInt64?
  public var processGoneAfter = Instant.Span.seconds(10)
  /// What this run's processes know: who joins, reports or evaluates without it is refused. Nil
  /// takes everybody.
  public var token: Identifier?

  public init(aggregation: Aggregation) {
    self.aggregation = aggregation
  }
}
