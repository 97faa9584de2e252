// The Adam optimizer and clipping by the global norm.

internal import CKernels

/// Adam (Kingma & Ba 2015, algorithm 1) as PyTorch computes it: ε is added outside the root,
/// θ −= lr / (1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + ε).
public final class Adam {
  /// The optimizer's settings, with PyTorch's defaults.
  public struct Configuration: Sendable, Hashable {
    /// lr in the formula.
    public var learningRate: Double
    /// The decay of the first moment, 0…1.
    public var beta1: Double
    /// The decay of the second moment, 0…1.
    public var beta2: Double
    /// Added to the root, so that small second moments do not make large steps.
    public var epsilon: Double

    public init(
      learningRate: Double = 1e-3, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8
    ) {
      self.learningRate = learningRate
      self.beta1 = beta1
      self.beta2 = beta2
      self.epsilon = epsilon
    }
  }

  /// May change between updates.
  public var configuration: Configuration
  /// Updates so far, t in the formula.
  public var stepCount = 0
  private let first: AlignedBuffer
  private let second: AlignedBuffer

  public init(parameterCount: Int, configuration: Configuration = Configuration()) {
    self.configuration = configuration
    first = AlignedBuffer(count: parameterCount)
    second = AlignedBuffer(count: parameterCount)
  }

  /// The running mean of the gradient, m, in the order of the parameters.
  public var firstMoment: UnsafeMutableBufferPointer<Float> { first.values }
  /// The running mean of the squared gradient, v, in the order of the parameters.
  public var secondMoment: UnsafeMutableBufferPointer<Float> { second.values }

  /// Makes one update of all parameters in one pass. Gradients are multiplied by `gradientScale`
  /// first.
  public func update(
    parameters: UnsafeMutableBufferPointer<Float>, gradients: UnsafeBufferPointer<Float>,
    gradientScale: Float = 1
  ) {
    precondition(parameters.count == first.count && gradients.count == first.count, "sizes differ")
    stepCount += 1
    let correction1 = 1 - power(configuration.beta1, stepCount)
    let correction2 = 1 - power(configuration.beta2, stepCount)
    var constants = rookery_adam()
    constants.blend1 = Float(1 - configuration.beta1)
    constants.keep2 = Float(configuration.beta2)
    constants.blend2 = Float(1 - configuration.beta2)
    constants.epsilon = Float(configuration.epsilon)
    constants.step_size = Float(configuration.learningRate / correction1)
    constants.second_moment_scale = Float(1 / correction2.squareRoot())
    constants.gradient_scale = gradientScale
    rookery_adam_step(
      parameters.baseAddress, first.base, second.base, gradients.baseAddress, parameters.count, &constants)
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

/// Clips gradients by their global norm, like `torch.nn.utils.clip_grad_norm_`.
public enum GradientClip {
  /// The Euclidean norm of all gradients together; not finite if any of them is not.
  public static func norm(_ gradients: UnsafeBufferPointer<Float>) -> Float {
    Float(rookery_sum_squares(gradients.baseAddress, gradients.count).squareRoot())
  }

  /// The factor for all gradients, min(1, max / (norm + 10⁻⁶)).
  public static func scale(norm: Float, max: Float) -> Float {
    min(1, max / (norm + 1e-6))
  }
}
