// The Adam optimizer.

internal import CKernels

/// Adam (Kingma & Ba 2015, algorithm 1) as PyTorch computes it: ε is added outside the root,
/// θ −= lr / (1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + ε).
public struct Adam: Hashable, Sendable {
  /// The decay of the first moment m, 0 to below 1.
  public var beta1: Double
  /// The decay of the second moment v, 0 to below 1.
  public var beta2: Double
  /// Added to the root, so that small second moments do not make large steps.
  public var epsilon: Double

  /// PyTorch's defaults.
  public init(beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8) {
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
  }

  func step(
    _ parameters: UnsafeMutableBufferPointer<Float>, _ first: UnsafeMutablePointer<Float>,
    _ second: UnsafeMutablePointer<Float>, _ gradients: UnsafeBufferPointer<Float>, _ gradientScale: Float,
    _ learningRate: Double, _ number: Int
  ) {
    let correction1 = 1 - power(beta1, number)
    let correction2 = 1 - power(beta2, number)
    var constants = rookery_adam()
    constants.blend1 = Float(1 - beta1)
    constants.keep2 = Float(beta2)
    constants.blend2 = Float(1 - beta2)
    constants.epsilon = Float(epsilon)
    constants.step_size = Float(learningRate / correction1)
    constants.second_moment_scale = Float(1 / correction2.squareRoot())
    constants.gradient_scale = gradientScale
    rookery_adam_step(
      parameters.baseAddress, first, second, gradients.baseAddress, parameters.count, &constants)
  }
}

/// `base` to a whole exponent, by squaring.
private func power(_ base: Double, _ exponent: Int) -> Double {
  var result = 1.0
  var square = base
  var left = exponent
  while left > 0 {
    if left & 1 == 1 { result *= square }
    square *= square
    left >>= 1
  }
  return result
}
