// Acrobot-v1: a two-link pendulum driven at the middle joint, to be swung up above a line.

internal import Experience
package import Foundations
internal import Glibc

/// `Acrobot-v1` of Gymnasium 1.4 (`envs/classic_control/acrobot.py`; Sutton 1996, Sutton & Barto
/// 2018; the book's equations, without torque noise), with fourth-order Runge-Kutta in float64.
///
/// Observation `[6]`: cos θ₁, sin θ₁, cos θ₂, sin θ₂, θ̇₁, θ̇₂ (rad/s). Actions 0, 1, 2: torque −1,
/// 0, +1 N·m. Reward: −1 for each step, 0 for the terminating one.
///
/// *Differs from the source:* squares are products, where NumPy calls `pow` for scalars (in one of
/// a thousand cases they differ by one unit in the last place of float64). The first observation is
/// the float64 cosine or sine rounded to float32, where NumPy computes it in float32.
package struct Acrobot: NativeEnvironment {
  /// Gymnasium's facts: 500 steps, solved at −100.
  package static let spec = EnvironmentSpec(
    id: "Acrobot-v1", observationShape: [6], actions: .discrete(3), maxEpisodeSteps: 500,
    rewardThreshold: -100)

  /// θ₁, θ₂, θ̇₁, θ̇₂.
  package var state: SIMD4<Double>

  package init() { state = .zero }

  package init(state: SIMD4<Double>) { self.state = state }

  /// Each element uniform on [−0.1, 0.1), rounded to float32 as Gymnasium does.
  package mutating func reset(using generator: inout SeededGenerator) {
    for index in 0..<4 { state[index] = Double(Float(generator.uniform() * 0.2 - 0.1)) }
  }

  /// Advances 0.2 s with torque `action` − 1.
  package mutating func step(_ action: Int32) -> (reward: Float, isTerminal: Bool) {
    let torque = Double(action - 1)
    let timeStep = 0.2
    let half = timeStep / 2
    let k1 = Self.derivative(state, torque)
    let k2 = Self.derivative(state + half * k1, torque)
    let k3 = Self.derivative(state + half * k2, torque)
    let k4 = Self.derivative(state + timeStep * k3, torque)
    let sum = k1 + 2 * k2 + 2 * k3 + k4
    var next = state + timeStep / 6 * sum

    next[0] = Self.wrap(next[0])
    next[1] = Self.wrap(next[1])
    next[2] = min(max(next[2], -4 * .pi), 4 * .pi)
    next[3] = min(max(next[3], -9 * .pi), 9 * .pi)
    state = next
    let isTerminal = -cos(next[0]) - cos(next[1] + next[0]) > 1
    return (isTerminal ? 0 : -1, isTerminal)
  }

  /// Writes cosines and sines of the angles, then the velocities.
  package func observe(into row: UnsafeMutablePointer<Float>) {
    row[0] = Float(cos(state[0]))
    row[1] = Float(sin(state[0]))
    row[2] = Float(cos(state[1]))
    row[3] = Float(sin(state[1]))
    row[4] = Float(state[2])
    row[5] = Float(state[3])
  }

  /// Wraps an angle to [−π, π]. A step turns a link by less than 2π (9π rad/s · 0.2 s), so the
  /// loops end at once.
  private static func wrap(_ angle: Double) -> Double {
    var angle = angle
    while angle > .pi { angle -= 2 * .pi }
    while angle < -.pi { angle += 2 * .pi }
    return angle
  }

  /// θ̇₁, θ̇₂, θ̈₁, θ̈₂. Masses, lengths and moments of inertia are 1, the centres of mass are at
  /// 0.5.
  private static func derivative(_ state: SIMD4<Double>, _ torque: Double) -> SIMD4<Double> {
    let gravity = 9.8
    let theta1 = state[0]
    let theta2 = state[1]
    let rate1 = state[2]
    let rate2 = state[3]
    let cos2 = cos(theta2)
    let sin2 = sin(theta2)
    let d1 = 0.25 + (1 + 0.25 + cos2) + 1 + 1
    let d2 = (0.25 + 0.5 * cos2) + 1
    let phi2 = 0.5 * gravity * cos(theta1 + theta2 - .pi / 2)
    let phi1 =
      -0.5 * (rate2 * rate2) * sin2
      - rate2 * rate1 * sin2
      + 1.5 * gravity * cos(theta1 - .pi / 2)
      + phi2
    let acceleration2 =
      (torque + d2 / d1 * phi1 - 0.5 * (rate1 * rate1) * sin2 - phi2) / (0.25 + 1 - d2 * d2 / d1)
    let acceleration1 = -(d2 * acceleration2 + phi1) / d1
    return SIMD4(rate1, rate2, acceleration1, acceleration2)
  }
}
