// The algorithms there are.

/// One case an algorithm, one folder a case. An exhaustive `switch` over it finds every place that a new one touches.
public enum AlgorithmCatalog: String, CaseIterable, Sendable {
  /// Deep Q-networks: double, dueling, n-step and prioritized, each switchable.
  case dqn
}
