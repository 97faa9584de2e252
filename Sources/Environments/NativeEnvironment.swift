// One environment whose dynamics are written in Swift.

package import Foundations

/// The state of one environment and its rules; time limits and autoreset are `NativeBatch`'s. Observations are float32.
package protocol NativeEnvironment: BitwiseCopyable, Sendable {
  static var spec: EnvironmentSpec { get }
  /// Some valid state; `reset` is always called before anything else.
  init()
  /// Draws the first state of an episode.
  mutating func reset(using generator: inout SeededGenerator)
  /// Takes a valid action; returns its reward and whether the episode terminated (no truncation here).
  mutating func step(_ action: Int32) -> (reward: Float, isTerminal: Bool)
  /// Writes `spec.observationShape` float32 elements.
  func observe(into row: UnsafeMutablePointer<Float>)
}
