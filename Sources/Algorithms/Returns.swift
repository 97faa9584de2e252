// Returns, as small pure functions.

/// The return one step earlier, G_t = R_{t+1} + γ·G_{t+1} (Sutton & Barto 2018, equation 3.9).
/// - Parameters:
///   - next: G_{t+1}.
///   - reward: R_{t+1}, the reward of the action at time t.
@inlinable
public func precedingReturn(_ next: Float, reward: Float, discount: Float) -> Float {
  reward + discount * next
}
