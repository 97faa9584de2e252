// Generalised advantage estimation.

/// Generalised advantage estimation (Schulman et al. 2016, equations 16 to 18).
///
///     δ_t = r_t + γ V(s_{t+1}) − V(s_t)
///     A_t = Σ_{l ≥ 0} (γλ)^l δ_{t+l}
///
/// The value's target is A_t + V(s_t), the λ-return. With λ = 1 that is the return, bootstrapped at
/// the trajectory's end: REINFORCE with a baseline (Williams 1992; Sutton & Barto 2018, §13.4).
/// Nothing is carried over the end of an episode.
public struct GAE: Hashable, Sendable {
  /// λ, 0 to 1.
  public var lambda: Float

  public init(lambda: Float = 0.95) {
    self.lambda = lambda
  }

  /// Computes A_t and the λ-return of each step with an action; those of other steps are 0 and
  /// V(s_t). O(T).
  /// - Parameters:
  ///   - targets: `[T]`, receives the λ-returns.
  ///   - advantages: `[T]`, receives A_t.
  public func compute(
    _ trajectory: Trajectory, targets: UnsafeMutablePointer<Float>, advantages: UnsafeMutablePointer<Float>
  ) {
    let values = trajectory.values
    var advantage: Float = 0
    for t in stride(from: trajectory.steps - 1, through: 0, by: -1) {
      guard trajectory.hasAction(t) else {
        advantage = 0
        (targets[t], advantages[t]) = (values[t], 0)
        continue
      }
      let error =
        trajectory.reward(t) + trajectory.bootstrap(after: t, value: values[t + 1]) - values[t]
      advantage = error + lambda * trajectory.bootstrap(after: t, value: advantage)
      advantages[t] = advantage
      targets[t] = values[t] + advantage
    }
  }
}
