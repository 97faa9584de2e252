// The priority of a transition.

/// p = |δ| + ε (Schaul et al. 2016, §3.3).
public struct TransitionPriority: Hashable, Sendable {
  /// Keeps transitions whose error is zero from never being drawn again.
  public static let epsilon: Float = 1e-6

  public init() {}

  @inlinable
  public func callAsFunction(error: Float) -> Float { error.magnitude + Self.epsilon }
}
