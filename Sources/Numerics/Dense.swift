// The dense layer, forward and backward.

internal import CKernels

/// y = x·Wᵀ + b, rectified if `hasRelu`. x `[batch, inputs]`, W `[outputs, inputs]`, b `[outputs]`,
/// y `[batch, outputs]`.
///
/// Backward, with g the gradient of the loss in y, zero where y was rectified: ∂W = gᵀ·x, ∂b = Σ
/// over the batch of g, ∂x = g·W. All pointers point into the network's buffers.
struct Dense {
  let level: Int32
  let inputs: Int
  let outputs: Int
  let hasRelu: Bool
  let weight: UnsafeMutablePointer<Float>
  let packed: UnsafeMutablePointer<Float>
  let output: UnsafeMutablePointer<Float>
  let training: TrainingBuffers?

  var bias: UnsafeMutablePointer<Float> { weight + outputs * inputs }

  /// Packs Wᵀ for the forward product; call it when W has changed.
  func pack() {
    rookery_pack_transposed(level, packed, weight, inputs, inputs, outputs)
  }

  func forward(_ input: UnsafePointer<Float>, count: Int) {
    var product = rookery_product()
    product.m = count
    product.n = outputs
    product.segments = 1
    product.depth = inputs
    product.a = input
    product.a_stride = inputs
    product.b = UnsafePointer(packed)
    product.c = output
    product.c_stride = outputs
    product.bias = UnsafePointer(bias)
    product.relu = hasRelu ? 1 : 0
    rookery_multiply(level, &product)
  }

  /// Reads `training.outputGradient`; writes the parameters' gradients, and the input's unless it
  /// is nil.
  func backward(
    _ input: UnsafePointer<Float>, inputGradient: UnsafeMutablePointer<Float>?, accumulate: Bool, count: Int
  ) {
    guard let training else { return }
    let gradient = training.outputGradient
    if hasRelu { rookery_relu_backward(gradient, output, count * outputs) }
    rookery_sum_rows(training.weightGradient + outputs * inputs, gradient, count, outputs, 0)

    rookery_pack(level, training.scratch, input, inputs, count, inputs)
    var product = rookery_product()
    product.m = outputs
    product.n = inputs
    product.segments = 1
    product.depth = count
    product.a = UnsafePointer(gradient)
    product.a_stride = outputs
    product.a_columns = 1
    product.b = UnsafePointer(training.scratch)
    product.c = training.weightGradient
    product.c_stride = inputs
    rookery_multiply(level, &product)

    guard let inputGradient else { return }
    rookery_pack(level, training.scratch, weight, inputs, outputs, inputs)
    product.m = count
    product.depth = outputs
    product.a_columns = 0
    product.c = inputGradient
    product.accumulate = accumulate ? 1 : 0
    rookery_multiply(level, &product)
  }

  static func scratchCount(inputs: Int, outputs: Int, batchMax: Int) -> Int {
    rookery_packed_count(max(batchMax, outputs), inputs)
  }
}

/// The buffers of a layer that only training needs.
struct TrainingBuffers {
  /// The gradients of weight and bias, in their layout.
  let weightGradient: UnsafeMutablePointer<Float>
  /// `[batch, outputs]`; backward may overwrite it.
  let outputGradient: UnsafeMutablePointer<Float>
  /// Shared by all layers, which run one after the other.
  let scratch: UnsafeMutablePointer<Float>
}
