// The priority of a transition.

/// p = |δ| + ε (Schaul et al. 2016, §3.3).
public struct TransitionPriority: Hashable, Sendable {
  /// Lets transitions with an error of zero be drawn again.
  public static let epsilon: Float = 1e-6

  public init() {}

  /// The priority of a transition with TD error `error`; NaN stays NaN.
  @inlinable
  public func callAsFunction(error: Float) -> Float { error.magnitude + Self.epsilon }
}
