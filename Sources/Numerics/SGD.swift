// Stochastic gradient descent.

internal import CKernels

/// v ← μ·v + g; θ −= lr·v, as PyTorch computes it. With μ = 0 it keeps no v.
public struct SGD: Hashable, Sendable {
  /// μ, 0 to below 1.
  public var momentum: Double

  public init(momentum: Double = 0) {
    self.momentum = momentum
  }

  func step(
    _ parameters: UnsafeMutableBufferPointer<Float>, _ velocity: UnsafeMutablePointer<Float>?,
    _ gradients: UnsafeBufferPointer<Float>, _ gradientScale: Float, _ learningRate: Double
  ) {
    rookery_sgd_step(
      parameters.baseAddress, velocity, gradients.baseAddress, parameters.count, Float(momentum),
      Float(learningRate), gradientScale)
  }
}
