// The protocol of environments written in Swift.

package import Foundations

/// The state of one environment and its dynamics. `NativeBatch` adds time limits and autoreset.
/// Observations are float32.
package protocol NativeEnvironment: BitwiseCopyable, Sendable {
  /// Shape, actions, time limit and threshold.
  static var spec: EnvironmentSpec { get }
  /// Any valid state; `reset` is called before the first step.
  init()
  /// Draws the first state of an episode.
  mutating func reset(using generator: inout SeededGenerator)
  /// Takes a valid action. Returns its reward and whether the episode terminated; time limits do
  /// not count here.
  mutating func step(_ action: Int32) -> (reward: Float, isTerminal: Bool)
  /// Writes `spec.observationShape` float32 elements.
  func observe(into row: UnsafeMutablePointer<Float>)
}
