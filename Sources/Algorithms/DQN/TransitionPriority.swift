// The priority of a transition.

/// p = |δ| + ε (Schaul et al. 2016, §3.3).
public enum TransitionPriority {
  /// Keeps transitions whose error is zero from never being drawn again.
  public static let epsilon: Float = 1e-6
}
