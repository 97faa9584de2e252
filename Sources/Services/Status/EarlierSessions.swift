// The progress of a run before it was resumed.

public import Wire

/// The totals of a run's earlier sessions; zero for a new run.
public struct EarlierSessions: Sendable {
  /// Duration, without the pauses between sessions.
  public var seconds = 0.0
  /// Actions taken by all actors.
  public var envSteps = 0.0
  /// Updates in the weights that the parameter server saved.
  public var updates = 0.0
  /// The version of those weights.
  public var version: UInt64 = 0
  /// Regular evaluations, with their times since the run's start.
  public var evaluations: [(seconds: Double, evaluation: Evaluation)] = []

  public init() {}
}
