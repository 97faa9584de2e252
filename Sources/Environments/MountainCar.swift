// MountainCar-v0: a weak car that must swing to climb out of a valley.

internal import Experience
package import Foundations
internal import Glibc

/// `MountainCar-v0` of Gymnasium 1.4 (`envs/classic_control/mountain_car.py`; Moore 1990), in
/// float64 and in the source's order of operations.
///
/// Observation `[2]`: position, velocity (without units, as in Gymnasium). Actions: 0 accelerates
/// left, 1 not at all, 2 right. Reward: −1 for each step.
package struct MountainCar: NativeEnvironment {
  /// Gymnasium's facts: 200 steps, solved at −110.
  package static let spec = EnvironmentSpec(
    id: "MountainCar-v0", observationShape: [2], actions: .discrete(3), maxEpisodeSteps: 200,
    rewardThreshold: -110)

  /// −1.2 to 0.6; the goal is at 0.5.
  package var position: Double
  package var velocity: Double

  package init() { self.init(position: 0, velocity: 0) }

  package init(position: Double, velocity: Double) {
    self.position = position
    self.velocity = velocity
  }

  /// Position uniform on [−0.6, −0.4), at rest.
  package mutating func reset(using generator: inout SeededGenerator) {
    position = generator.uniform() * 0.2 - 0.6
    velocity = 0
  }

  /// Accelerates by (`action` − 1) · 0.001 and gravity, then moves.
  @inline(__always)
  package mutating func step(_ action: Int32) -> (reward: Float, isTerminal: Bool) {
    let positionMin = -1.2
    let positionMax = 0.6
    let speedMax = 0.07
    let goal = 0.5
    let force = 0.001
    let gravity = 0.0025

    velocity += Double(action - 1) * force + cos(3 * position) * -gravity
    velocity = min(max(velocity, -speedMax), speedMax)
    position += velocity
    position = min(max(position, positionMin), positionMax)
    if position == positionMin && velocity < 0 { velocity = 0 }
    return (-1, position >= goal && velocity >= 0)
  }

  /// Writes position and velocity.
  @inline(__always)
  package func observe(into row: UnsafeMutablePointer<Float>) {
    row[0] = Float(position)
    row[1] = Float(velocity)
  }
}
