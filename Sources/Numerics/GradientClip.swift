// Clipping by the global norm.

internal import CKernels

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
