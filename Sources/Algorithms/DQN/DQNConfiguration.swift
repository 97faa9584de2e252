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
  /// The optimizer's step size.
  public var learningRate: Schedule
  /// The optimizer's other settings.
  public var adam: Adam.Configuration
  /// The largest global norm of the gradient; larger gradients are scaled down to it. Nil for no
  /// limit.
  public var gradientClip: Float?
  /// The error at which the Huber loss becomes linear.
  public var huberDelta: Float
  /// How the target network follows the online network.
  public var target: Target

  public init(
    isDouble: Bool = true, learningRate: Schedule = 5e-4, adamEpsilon: Double = 1e-8, beta1: Double = 0.9,
    beta2: Double = 0.999, gradientClip: Float? = 10, huberDelta: Float = 1,
    target: Target = .hard(everyUpdates: 100)
  ) {
    self.isDouble = isDouble
    self.learningRate = learningRate
    adam = Adam.Configuration(
      learningRate: learningRate.value(at: RunClock()), beta1: beta1, beta2: beta2, epsilon: adamEpsilon)
    self.gradientClip = gradientClip
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
