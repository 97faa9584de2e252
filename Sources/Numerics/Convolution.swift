// The convolution layer, forward and backward.

internal import CKernels

/// A convolution without padding, rectified if `hasRelu`. Images are channels last:
/// x `[batch, height, width, planes]`, W `[outputs, kernel, kernel, planes]`,
/// y `[batch, outputHeight, outputWidth, outputs]`.
///
/// It needs no patch matrix (im2col). A patch is `kernel` runs of `kernel·planes` consecutive
/// floats, and the products read the runs in place (Dukhan 2019, "The Indirect Convolution
/// Algorithm", with a table of offsets for the pointers of one image). Backward adds up overlapping
/// patches in place.
struct Convolution {
  let level: Int32
  let shape: ConvolutionShape
  let hasRelu: Bool
  let weight: UnsafeMutablePointer<Float>
  let packed: UnsafeMutablePointer<Float>
  let output: UnsafeMutablePointer<Float>
  /// The offset of each output position's patch in the input image.
  let offsets: UnsafePointer<Int32>
  let training: TrainingBuffers?

  private var fanIn: Int { shape.kernel * shape.run }
  private var imageRow: Int { shape.width * shape.planes }
  var bias: UnsafeMutablePointer<Float> { weight + shape.outputs * fanIn }

  /// Packs W for the forward products; call it when W has changed.
  func pack() {
    rookery_pack_transposed(level, packed, weight, fanIn, fanIn, shape.outputs)
  }

  func forward(_ input: UnsafePointer<Float>, count: Int) {
    var product = rookery_product()
    product.m = shape.positions
    product.n = shape.outputs
    product.segments = shape.kernel
    product.depth = shape.run
    product.a_segment = imageRow
    product.a_offsets = offsets
    product.b = UnsafePointer(packed)
    product.c_stride = shape.outputs
    product.bias = UnsafePointer(bias)
    product.relu = hasRelu ? 1 : 0
    for image in 0..<count {
      product.a = input + image * shape.inputCount
      product.c = output + image * shape.outputCount
      rookery_multiply(level, &product)
    }
  }

  /// Reads `training.outputGradient`; writes the parameters' gradients, and the input's unless it
  /// is nil.
  func backward(_ input: UnsafePointer<Float>, inputGradient: UnsafeMutablePointer<Float>?, count: Int) {
    guard let training else { return }
    let gradient = training.outputGradient
    if hasRelu { rookery_relu_backward(gradient, output, count * shape.outputCount) }
    let biasGradient = training.weightGradient + shape.outputs * fanIn
    rookery_sum_rows(biasGradient, gradient, count * shape.positions, shape.outputs, 0)
    backwardWeight(input, training, count)
    if let inputGradient { backwardInput(inputGradient, training, count) }
  }

  /// ∂W[o, y, ·] = Σ over positions of g[position, o] · (run y of the position's patch).
  private func backwardWeight(_ input: UnsafePointer<Float>, _ training: TrainingBuffers, _ count: Int) {
    var product = rookery_product()
    product.m = shape.outputs
    product.n = shape.run
    product.segments = shape.outputHeight
    product.depth = shape.outputWidth
    product.a_columns = 1
    product.a_stride = shape.outputs
    product.a_segment = shape.outputWidth * shape.outputs
    product.b_stride = shape.stride * shape.planes
    product.b_segment = shape.stride * imageRow
    product.c_stride = fanIn
    for image in 0..<count {
      product.a = UnsafePointer(training.outputGradient + image * shape.outputCount)
      product.accumulate = image > 0 ? 1 : 0
      for y in 0..<shape.kernel {
        product.b = input + image * shape.inputCount + y * imageRow
        product.c = training.weightGradient + y * shape.run
        rookery_multiply(level, &product)
      }
    }
  }

  /// (run y of a position's patch) += g[position, ·] · W[·, y, ·].
  private func backwardInput(
    _ inputGradient: UnsafeMutablePointer<Float>, _ training: TrainingBuffers, _ count: Int
  ) {
    let packedRun = rookery_packed_count(shape.outputs, shape.run)
    for y in 0..<shape.kernel {
      rookery_pack(
        level, training.scratch + y * packedRun, weight + y * shape.run, fanIn, shape.outputs, shape.run)
    }
    inputGradient.update(repeating: 0, count: count * shape.inputCount)
    var product = rookery_product()
    product.m = shape.positions
    product.n = shape.run
    product.segments = 1
    product.depth = shape.outputs
    product.a_stride = shape.outputs
    product.c_offsets = offsets
    product.accumulate = 1
    for image in 0..<count {
      product.a = UnsafePointer(training.outputGradient + image * shape.outputCount)
      for y in 0..<shape.kernel {
        product.b = UnsafePointer(training.scratch + y * packedRun)
        product.c = inputGradient + image * shape.inputCount + y * imageRow
        rookery_multiply(level, &product)
      }
    }
  }

  static func scratchCount(_ shape: ConvolutionShape) -> Int {
    shape.kernel * rookery_packed_count(shape.outputs, shape.run)
  }
}

/// The offsets of one image's patches, owned by the network.
final class PatchOffsets {
  let values: UnsafeMutablePointer<Int32>

  init(_ shape: ConvolutionShape) {
    values = .allocate(capacity: shape.positions)
    for position in 0..<shape.positions {
      let (y, x) = position.quotientAndRemainder(dividingBy: shape.outputWidth)
      let offset = (y * shape.stride * shape.width + x * shape.stride) * shape.planes
      (values + position).initialize(to: Int32(offset))
    }
  }

  deinit { values.deallocate() }
}
