// What the algorithms over trajectories have in common.

public import Foundations
public import Numerics

/// Settings of a `TrajectoryRule`.
public struct TrajectorySettings: Hashable, Sendable {
  /// T: a trajectory's steps that are trained on. It has one row more, which bootstraps.
  public var steps: Int
  /// Rows before those steps, which are not trained on.
  public var contextSteps: Int
  /// γ of one step.
  public var discount: Float
  /// Multiplies all rewards, so that values are neither very large nor very small.
  public var rewardScale: Float
  /// The weight of the value's loss.
  public var valueCost: Float
  /// The weight of the policy's entropy, which the loss subtracts.
  public var entropyCost: Schedule
  /// Clipping, step size and optimizer.
  public var descent: GradientDescent

  /// Rows of a trajectory.
  var rows: Int { contextSteps + steps + 1 }

  public init(
    steps: Int = 20, contextSteps: Int = 0, discount: Float = 0.99, rewardScale: Float = 1,
    valueCost: Float = 0.5, entropyCost: Schedule = 0.01,
    descent: GradientDescent = GradientDescent(.adam(Adam()), learningRate: 1e-3, clip: 0.5)
  ) {
    self.steps = steps
    self.contextSteps = contextSteps
    self.discount = discount
    self.rewardScale = rewardScale
    self.valueCost = valueCost
    self.entropyCost = entropyCost
    self.descent = descent
  }
}
