// Where a run ends without being solved.

/// `stop`: limits of a run; 0 sets none.
public struct StopConfiguration: Hashable, Sendable {
  public var envSteps = 0
  public var seconds = 0.0
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
