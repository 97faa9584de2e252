// How gradients become steps of the parameters.

public import Foundations
public import Numerics

/// The part of a learning rule that follows its gradients: clipping, step size and optimizer. It
/// is the learner's, or with gradients that are shared the parameter server's.
public struct GradientDescent: Hashable, Sendable {
  /// What turns a gradient into a step.
  public var optimizer: Optimizer
  /// The step size.
  public var learningRate: Schedule
  /// The largest global norm of a gradient; larger ones are scaled down to it. Nil for no limit.
  public var clip: Float?

  public init(_ optimizer: Optimizer, learningRate: Schedule, clip: Float? = nil) {
    self.optimizer = optimizer
    self.learningRate = learningRate
    self.clip = clip
  }

  /// The factor of a gradient with this global norm.
  public func scale(norm: Float) -> Float {
    clip.map { GradientClip.scale(norm: norm, max: $0) } ?? 1
  }
}
