// Limits at which a run ends unsolved.

/// `stop`: limits of a run over all its sessions; 0: no limit.
public struct StopConfiguration: Hashable, Sendable {
  /// Actions of all actors together.
  public var envSteps = 0
  /// Wall time.
  public var seconds = 0.0
  /// Updates of all learners, as merged by the parameter server.
  public var updates = 0

  public init() {}
}

extension StopConfiguration {
  mutating func read(_ reader: inout ConfigurationReader) {
    reader.integer("env_steps", &envSteps, 0...Int.max)
    reader.double("seconds", &seconds, .from(0, to: 1e9))
    reader.integer("updates", &updates, 0...Int.max)
  }
}
