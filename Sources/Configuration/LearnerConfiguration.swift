// The processes that train.

/// `learner`: how many, and how they fetch and keep.
public struct LearnerConfiguration: Hashable, Sendable {
  public var replicas = 1
  /// Sample requests kept under way, so that their latency is hidden.
  public var samplesInFlight = 4
  public var checkpointIntervalSeconds = 5.0
  /// Most updates a second; 0 sets no limit.
  public var updatesPerSecondMax = 0.0

  public init() {}
}
