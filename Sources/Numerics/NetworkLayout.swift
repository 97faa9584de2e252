// A network's layers with their buffers.

internal import CKernels

/// A layer of the trunk. It has only pointers and numbers, so passing it needs no reference
/// counting.
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

/// Owns a network's workspace, which is allocated once for the largest batch.
struct NetworkLayout {
  private(set) var trunk: [TrunkLayer] = []
  private(set) var heads: [BoundHead] = []

  private let spec: NetworkSpec
  /// The input prepared for the first layer; unused if that reads observations in place.
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

  /// Counts the same blocks in the same order as `bind` allocates them.
  private static func reserve(
    _ arena: inout Arena, _ spec: NetworkSpec, _ plan: NetworkPlan, _ batchMax: Int, isTraining: Bool
  ) {
    _ = arena.allocate(batchMax * spec.inputCount)
    _ = arena.allocate(isTraining ? scratchCount(plan, batchMax) : 0)
    for layer in plan.layers {
      _ = arena.allocate(rookery_packed_count(layer.fanIn, layer.outputs))
      _ = arena.allocate(batchMax * layer.outputCount)
      _ = arena.allocate(isTraining ? batchMax * layer.outputCount : 0)
    }
    for head in plan.heads {
      _ = arena.allocate(batchMax * head.outputs)
      _ = arena.allocate(batchMax * head.outputs)
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
    staged = arena.allocate(batchMax * spec.inputCount)
    let scratch = arena.allocate(isTraining ? Self.scratchCount(plan, batchMax) : 0)!
    func bound(_ layer: LayerPlan) -> TrunkLayer {
      let packed = arena.allocate(rookery_packed_count(layer.fanIn, layer.outputs))!
      let output = arena.allocate(batchMax * layer.outputCount)!
      let outputGradient = arena.allocate(isTraining ? batchMax * layer.outputCount : 0)!
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
        streams, outputs: head.outputs, sum: arena.allocate(batchMax * head.outputs)!,
        sumGradient: arena.allocate(batchMax * head.outputs)!)
    }
  }

  /// Converts observations to float32, and images to channels last. Float32 vectors are returned as
  /// they are.
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
