// Where a run ends without being solved.

/// `stop`: limits of a run; 0 sets none.
public struct StopConfiguration: Hashable, Sendable {
  public var envSteps = 0
  public var seconds = 0.0
  public var updates = 0

  public init() {}
}
