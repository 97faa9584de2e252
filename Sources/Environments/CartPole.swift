// CartPole-v1: a pole on a cart, kept upright by pushing the cart left or right.

internal import Experience
package import Foundations
internal import Glibc

/// `CartPole-v1` of Gymnasium 1.4 (`envs/classic_control/cartpole.py`; Barto, Sutton & Anderson
/// 1983), with Euler integration in float64. Operations have the source's order, so states are
/// equal to the last bit where `sin` and `cos` are.
///
/// Observation `[4]`: cart position (m), cart velocity (m/s), pole angle (rad), pole angular
/// velocity (rad/s). Actions: 0 pushes left, 1 right. Reward: 1 for each step, the terminating one
/// included.
package struct CartPole: NativeEnvironment {
  /// Gymnasium's facts: 500 steps, solved at 475.
  package static let spec = EnvironmentSpec(
    id: "CartPole-v1", observationShape: [4], actions: .discrete(2), maxEpisodeSteps: 500,
    rewardThreshold: 475)

  /// The cart's position, in m.
  package var position: Double
  package var velocity: Double
  package var angle: Double
  package var angularVelocity: Double

  package init() { self.init(position: 0, velocity: 0, angle: 0, angularVelocity: 0) }

  package init(position: Double, velocity: Double, angle: Double, angularVelocity: Double) {
    self.position = position
    self.velocity = velocity
    self.angle = angle
    self.angularVelocity = angularVelocity
  }

  /// Each element uniform on [−0.05, 0.05).
  package mutating func reset(using generator: inout SeededGenerator) {
    position = generator.uniform() * 0.1 - 0.05
    velocity = generator.uniform() * 0.1 - 0.05
    angle = generator.uniform() * 0.1 - 0.05
    angularVelocity = generator.uniform() * 0.1 - 0.05
  }

  /// Advances 0.02 s with a force of ±10 N.
  @inline(__always)
  package mutating func step(_ action: Int32) -> (reward: Float, isTerminal: Bool) {
    let gravity = 9.8
    let poleMass = 0.1
    let totalMass = 0.1 + 1.0
    let halfLength = 0.5
    let poleMassLength = 0.05
    let timeStep = 0.02

    let force = action == 1 ? 10.0 : -10.0
    let cosine = cos(angle)
    let sine = sin(angle)
    let temporary = (force + poleMassLength * (angularVelocity * angularVelocity) * sine) / totalMass
    let angularAcceleration =
      (gravity * sine - cosine * temporary)
      / (halfLength * (4.0 / 3.0 - poleMass * (cosine * cosine) / totalMass))
    let acceleration = temporary - poleMassLength * angularAcceleration * cosine / totalMass

    position += timeStep * velocity
    velocity += timeStep * acceleration
    angle += timeStep * angularVelocity
    angularVelocity += timeStep * angularAcceleration

    let positionMax = 2.4
    let angleMax = 12 * 2 * Double.pi / 360
    let isTerminal =
      position < -positionMax || position > positionMax || angle < -angleMax || angle > angleMax
    return (1, isTerminal)
  }

  /// Writes position, velocity, angle and angular velocity.
  @inline(__always)
  package func observe(into row: UnsafeMutablePointer<Float>) {
    row[0] = Float(position)
    row[1] = Float(velocity)
    row[2] = Float(angle)
    row[3] = Float(angularVelocity)
  }
}
