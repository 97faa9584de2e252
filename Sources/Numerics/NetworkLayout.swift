// The layers of a network bound to their places in its buffers.

internal import CKernels

/// A layer of the trunk. Only pointers and numbers: passing it costs no reference counting.
enum TrunkLayer {
  case dense(Dense)
  case convolution(Convolution)

  var output: UnsafeMutablePointer<Float> {
    switch self {
    case .dense(let layer): layer.output
    case .convolution(let layer): layer.output
    }
  }

  var outputGradient: UnsafeMutablePointer<Float>? {
    switch self {
    case .dense(let layer): layer.training?.outputGradient
    case .convolution(let layer): layer.training?.outputGradient
    }
  }

  func pack() {
    switch self {
    case .dense(let layer): layer.pack()
    case .convolution(let layer): layer.pack()
    }
  }

  func forward(_ input: UnsafePointer<Float>, count: Int) -> UnsafePointer<Float> {
    switch self {
    case .dense(let layer): layer.forward(input, count: count)
    case .convolution(let layer): layer.forward(input, count: count)
    }
    return UnsafePointer(output)
  }

  func backward(_ input: UnsafePointer<Float>, inputGradient: UnsafeMutablePointer<Float>?, count: Int) {
    switch self {
    case .dense(let layer):
      layer.backward(input, inputGradient: inputGradient, accumulate: false, count: count)
    case .convolution(let layer): layer.backward(input, inputGradient: inputGradient, count: count)
    }
  }
}

/// Owns the workspace of a network, sized once for its largest batch.
struct NetworkLayout {
  private(set) var trunk: [TrunkLayer] = []
  private(set) var heads: [BoundHead] = []

  private let spec: NetworkSpec
  /// The input as the first layer wants it; nil where it is read in place.
  private var staged: UnsafeMutablePointer<Float>?
  private let workspace: AlignedBuffer
  private var offsets: [PatchOffsets] = []

  init(
    spec: NetworkSpec, plan: NetworkPlan, batchMax: Int, level: Int32, parameters: AlignedBuffer,
    gradients: AlignedBuffer?
  ) {
    self.spec = spec
    var counting = Arena()
    Self.reserve(&counting, spec, plan, batchMax, isTraining: gradients != nil)
    workspace = AlignedBuffer(count: counting.count)
    bind(plan, batchMax, level, parameters, gradients)
  }

  /// Takes the same blocks in the same order as `bind`.
  private static func reserve(
    _ arena: inout Arena, _ spec: NetworkSpec, _ plan: NetworkPlan, _ batchMax: Int, isTraining: Bool
  ) {
    _ = arena.take(batchMax * spec.inputCount)
    _ = arena.take(isTraining ? scratchCount(plan, batchMax) : 0)
    for layer in plan.layers {
      _ = arena.take(rookery_packed_count(layer.fanIn, layer.outputs))
      _ = arena.take(batchMax * layer.outputCount)
      _ = arena.take(isTraining ? batchMax * layer.outputCount : 0)
    }
    for head in plan.heads {
      _ = arena.take(batchMax * head.outputs)
      _ = arena.take(batchMax * head.outputs)
    }
  }

  private static func scratchCount(_ plan: NetworkPlan, _ batchMax: Int) -> Int {
    plan.layers.map { layer in
      switch layer.kind {
      case .dense(let inputs, let outputs):
        Dense.scratchCount(inputs: inputs, outputs: outputs, batchMax: batchMax)
      case .convolution(let shape): Convolution.scratchCount(shape)
      }
    }.max() ?? 0
  }

  private mutating func bind(
    _ plan: NetworkPlan, _ batchMax: Int, _ level: Int32, _ parameters: AlignedBuffer,
    _ gradients: AlignedBuffer?
  ) {
    var arena = Arena(workspace)
    let isTraining = gradients != nil
    staged = arena.take(batchMax * spec.inputCount)
    let scratch = arena.take(isTraining ? Self.scratchCount(plan, batchMax) : 0)!
    func bound(_ layer: LayerPlan) -> TrunkLayer {
      let packed = arena.take(rookery_packed_count(layer.fanIn, layer.outputs))!
      let output = arena.take(batchMax * layer.outputCount)!
      let outputGradient = arena.take(isTraining ? batchMax * layer.outputCount : 0)!
      let training = gradients.map {
        TrainingBuffers(
          weightGradient: $0.base + layer.offset, outputGradient: outputGradient, scratch: scratch)
      }
      switch layer.kind {
      case .dense(let inputs, let outputs):
        return .dense(
          Dense(
            level: level, inputs: inputs, outputs: outputs, hasRelu: layer.hasRelu,
            weight: parameters.base + layer.offset, packed: packed, output: output, training: training))
      case .convolution(let shape):
        offsets.append(PatchOffsets(shape))
        return .convolution(
          Convolution(
            level: level, shape: shape, hasRelu: layer.hasRelu, weight: parameters.base + layer.offset,
            packed: packed, output: output, offsets: UnsafePointer(offsets[offsets.count - 1].values),
            training: training))
      }
    }
    func dense(_ layer: LayerPlan) -> Dense {
      guard case .dense(let dense) = bound(layer) else { preconditionFailure("heads are dense") }
      return dense
    }
    trunk = plan.trunk.map(bound)
    let streams = plan.heads.map { $0.streams.map { $0.map(dense) } }
    heads = zip(plan.heads, streams).map { head, streams in
      BoundHead(
        streams, outputs: head.outputs, sum: arena.take(batchMax * head.outputs)!,
        sumGradient: arena.take(batchMax * head.outputs)!)
    }
  }

  /// Observations as float32, images channels last. A float32 vector is returned as it is.
  func stage(_ observations: UnsafeRawPointer, count: Int) -> UnsafePointer<Float> {
    let isImage = spec.inputShape.count == 3
    guard isImage || spec.inputType == .uint8, let staged else {
      return observations.assumingMemoryBound(to: Float.self)
    }
    guard isImage else {
      let bytes = observations.assumingMemoryBound(to: UInt8.self)
      rookery_scale_bytes(staged, bytes, 1 / 255, count * spec.inputCount)
      return UnsafePointer(staged)
    }
    let planes = spec.inputShape[0]
    let pixels = spec.inputShape[1] * spec.inputShape[2]
    for image in 0..<count {
      let to = staged + image * spec.inputCount
      let from = observations + image * spec.inputByteCount
      switch spec.inputType {
      case .uint8:
        rookery_interleave_bytes(to, from.assumingMemoryBound(to: UInt8.self), 1 / 255, planes, pixels)
      case .float32:
        rookery_interleave_floats(to, from.assumingMemoryBound(to: Float.self), planes, pixels)
      }
    }
    return UnsafePointer(staged)
  }
}
