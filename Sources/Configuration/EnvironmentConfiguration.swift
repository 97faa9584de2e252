// What the actors act in.

/// `environment`: the environment of actors and evaluator.
public struct EnvironmentConfiguration: Hashable, Sendable {
  /// The environment's id, as Gymnasium names it.
  public var id = "CartPole-v1"

  public init() {}
}

extension EnvironmentConfiguration {
  mutating func read(_ reader: inout ConfigurationReader) {
    reader.string("id", &id, expected: "an environment's id") { !$0.isEmpty && $0.count <= 200 }
  }
}
