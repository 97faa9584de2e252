// The Huber loss.

/// ½e² where |e| ≤ δ, else δ(|e| − ½δ) (Huber 1964; `torch.nn.functional.huber_loss`).
public struct Huber: Sendable, Hashable {
  /// The error δ at which the loss becomes linear; above 0.
  public var delta: Float

  public init(delta: Float = 1) {
    self.delta = delta
  }

  /// The loss of an error.
  @inlinable
  public func loss(_ error: Float) -> Float {
    let magnitude = error.magnitude
    return magnitude <= delta ? 0.5 * error * error : delta * (magnitude - 0.5 * delta)
  }

  /// The loss's derivative: the error, clipped to ±δ.
  @inlinable
  public func gradient(_ error: Float) -> Float {
    error.magnitude <= delta ? error : (error > 0 ? delta : error < 0 ? -delta : error)
  }
}
