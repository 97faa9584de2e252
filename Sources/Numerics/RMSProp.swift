// The RMSProp optimizer.

internal import CKernels

/// v ← α·v + (1 − α)·g²; b ← μ·b + g / (√v + ε); θ −= lr·b (Tieleman & Hinton 2012, lecture 6.5),
/// as PyTorch computes it. With μ = 0 it keeps no b.
public struct RMSProp: Hashable, Sendable {
  /// α, 0 to below 1.
  public var decay: Double
  /// Added to the root, so that small v do not make large steps.
  public var epsilon: Double
  /// μ, 0 to below 1.
  public var momentum: Double

  /// PyTorch's defaults.
  public init(decay: Double = 0.99, epsilon: Double = 1e-8, momentum: Double = 0) {
    self.decay = decay
    self.epsilon = epsilon
    self.momentum = momentum
  }

  func step(
    _ parameters: UnsafeMutableBufferPointer<Float>, _ square: UnsafeMutablePointer<Float>,
    _ buffer: UnsafeMutablePointer<Float>?, _ gradients: UnsafeBufferPointer<Float>, _ gradientScale: Float,
    _ learningRate: Double
  ) {
    var constants = rookery_rmsprop()
    constants.keep = Float(decay)
    constants.blend = Float(1 - decay)
    constants.epsilon = Float(epsilon)
    constants.momentum = Float(momentum)
    constants.step_size = Float(learningRate)
    constants.gradient_scale = gradientScale
    rookery_rmsprop_step(
      parameters.baseAddress, square, buffer, gradients.baseAddress, parameters.count, &constants)
  }
}
