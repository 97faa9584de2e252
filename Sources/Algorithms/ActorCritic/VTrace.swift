// V-trace: off-policy corrected values and advantages.

internal import Glibc

/// V-trace (Espeholt et al. 2018, §4.1, equation 1 and remark 2; §4.2 for the advantage).
///
///     v_s = V(s_s) + Σ_{t ≥ s} γ^{t−s} (Π_{i<t} c_i) ρ_t (r_t + γ V(s_{t+1}) − V(s_t))
///     ρ_t = min(ρ̄, π(a_t|s_t) / μ(a_t|s_t)),  c_t = λ min(c̄, π / μ)
///     A_t = ρ_t (r_t + γ v_{t+1} − V(s_t))
///
/// Its fixed point is the value of the policy ∝ min(ρ̄ μ, π), whatever c̄ and λ. With ρ̄ = c̄ = ∞
/// it weighs by the whole ratios; with π = μ and λ = 1 it is the n-step return.
///
/// *Differs from the source:* a trajectory may hold ends of episodes. Nothing is carried over them.
public struct VTrace: Hashable, Sendable {
  /// ρ̄, which decides what is learned: the value of a policy between μ (0) and π (∞).
  public var rhoMax: Float
  /// c̄, up to ρ̄, which decides how far errors are carried back.
  public var cMax: Float
  /// λ of the traces.
  public var lambda: Float

  public init(rhoMax: Float = 1, cMax: Float = 1, lambda: Float = 1) {
    self.rhoMax = rhoMax
    self.cMax = cMax
    self.lambda = lambda
  }

  /// Computes v_t and A_t of each step with an action; those of other steps are V(s_t) and 0. O(T).
  /// - Parameters:
  ///   - logRatios: `[T]`, log π(a_t|s_t) − log μ(a_t|s_t); undefined where there is no action.
  ///   - targets: `[T]`, receives v_t.
  ///   - advantages: `[T]`, receives A_t.
  public func compute(
    _ trajectory: Trajectory, logRatios: UnsafePointer<Float>, targets: UnsafeMutablePointer<Float>,
    advantages: UnsafeMutablePointer<Float>
  ) {
    let values = trajectory.values
    // v_{t+1} − V(s_{t+1})
    var correction: Float = 0
    for t in stride(from: trajectory.steps - 1, through: 0, by: -1) {
      guard trajectory.hasAction(t) else {
        correction = 0
        (targets[t], advantages[t]) = (values[t], 0)
        continue
      }
      let ratio = expf(logRatios[t])
      // A ratio that is NaN stays NaN, so that its row is found.
      let rho = ratio > rhoMax ? rhoMax : ratio
      let trace = lambda * (ratio > cMax ? cMax : ratio)
      let reward = trajectory.reward(t)
      let next = trajectory.bootstrap(after: t, value: values[t + 1])
      let carried = trajectory.bootstrap(after: t, value: correction)
      advantages[t] = rho * (reward + next + carried - values[t])
      correction = rho * (reward + next - values[t]) + trace * carried
      targets[t] = values[t] + correction
    }
  }
}
