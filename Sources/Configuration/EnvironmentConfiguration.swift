// What the actors act in.

/// `environment`: the environment of actors and evaluator.
public struct EnvironmentConfiguration: Hashable, Sendable {
  /// The environment's id, as Gymnasium names it.
  public var id = "CartPole-v1"

  public init() {}
}
