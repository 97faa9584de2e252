// How far a run had come before it was resumed.

public import Wire

/// What the earlier sessions of a run add to this one; nothing for a new run.
public struct EarlierSessions: Sendable {
  public var seconds = 0.0
  public var envSteps = 0.0
  /// As the parameter server kept them, with the weights' version.
  public var updates = 0.0
  public var version: UInt64 = 0
  public var evaluations: [(seconds: Double, evaluation: Evaluation)] = []

  public init() {}
}
