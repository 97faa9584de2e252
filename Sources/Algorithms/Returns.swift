// Returns, as small pure functions.

/// The return one step back, G_t = r_t + γ_t·G_{t+1} (Sutton & Barto 2018, equation 3.9), with the
/// reward and discount one step after t, as rlax names them.
@inlinable
public func precedingReturn(_ next: Float, reward: Float, discount: Float) -> Float {
  reward + discount * next
}
