// The settings of deep Q-learning.

public import Numerics

/// Settings of a `DQNRule`. Whether the network is dueling is in its `NetworkSpec`. n and γ belong
/// to the replay table, which serves n-step returns and the discount of the bootstrap value.
public struct DQNConfiguration: Sendable, Hashable {
  /// How the target network follows the online network.
  public enum Target: Sendable, Hashable {
    /// A copy of the published weights that pass a multiple of so many updates.
    case hard(everyUpdates: Int)
    /// θ′ += τ(θ − θ′) after every training step.
    case polyak(tau: Float)
  }

  /// The online network chooses the next action, the target network values it (van Hasselt et al. 2016, equation 4).
  public var isDouble: Bool
  public var adam: Adam.Configuration
  /// Largest global norm of the gradient; nil is off.
  public var gradientClip: Float?
  /// Where the loss turns from square to linear.
  public var huberDelta: Float
  public var target: Target

  public init(
    isDouble: Bool = true, learningRate: Double = 5e-4, adamEpsilon: Double = 1e-8, beta1: Double = 0.9,
    beta2: Double = 0.999, gradientClip: Float? = 10, huberDelta: Float = 1,
    target: Target = .hard(everyUpdates: 100)
  ) {
    self.isDouble = isDouble
    adam = Adam.Configuration(learningRate: learningRate, beta1: beta1, beta2: beta2, epsilon: adamEpsilon)
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
