// The settings of deep Q-learning.

public import Foundations
public import Numerics

/// Settings of a `DQNRule`. The `NetworkSpec` says whether the network is dueling. n and γ are
/// settings of the replay table, which serves n-step returns and the discount of the bootstrap
/// value.
public struct DQNConfiguration: Sendable, Hashable {
  /// How the target network follows the online network.
  public enum Target: Sendable, Hashable {
    /// The target is a copy of each publication whose clock passes a multiple of `everyUpdates`.
    case hard(everyUpdates: Int)
    /// θ′ += τ(θ − θ′) after every update.
    case polyak(tau: Float)
  }

  /// Whether the online network chooses the next action, whose value the target network gives
  /// (van Hasselt et al. 2016, equation 4), or the target network does both.
  public var isDouble: Bool
  /// Clipping, step size and optimizer.
  public var descent: GradientDescent
  /// The error at which the Huber loss becomes linear.
  public var huberDelta: Float
  /// How the target network follows the online network.
  public var target: Target

  public init(
    isDouble: Bool = true,
    descent: GradientDescent = GradientDescent(.adam(Adam()), learningRate: 5e-4, clip: 10),
    huberDelta: Float = 1, target: Target = .hard(everyUpdates: 100)
  ) {
    self.isDouble = isDouble
    self.descent = descent
    self.huberDelta = huberDelta
    self.target = target
  }

  /// See `Algorithm.milestoneEvery`.
  var milestoneEvery: UInt64? {
    switch target {
    case .hard(let everyUpdates): UInt64(everyUpdates)
    case .polyak: nil
    }
  }
}
