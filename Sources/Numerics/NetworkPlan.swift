// Resolves a specification into layers with sizes, names and offsets in the flat parameters.

internal import Experience

/// A dense layer or a convolution with all its sizes; a following `relu` is part of it.
struct LayerPlan {
  enum Kind {
    case dense(inputs: Int, outputs: Int)
    case convolution(ConvolutionShape)
  }

  var kind: Kind
  var name: String
  var hasRelu = false
  /// The weight's offset in the flat parameters; the bias follows it.
  var offset: Int
  /// Each output's weights are `[channels, places]` in PyTorch, `[places, channels]` in `Network`.
  var channels: Int
  var places: Int

  var outputs: Int {
    switch kind {
    case .dense(_, let outputs): outputs
    case .convolution(let shape): shape.outputs
    }
  }

  /// Weights of one output.
  var fanIn: Int { channels * places }
  var weightCount: Int { outputs * fanIn }
  var parameterCount: Int { weightCount + outputs }

  /// Floats of one row of output.
  var outputCount: Int {
    switch kind {
    case .dense(_, let outputs): outputs
    case .convolution(let shape): shape.outputCount
    }
  }

  var parameters: [TensorSpec] {
    let shape =
      switch kind {
      case .dense(let inputs, let outputs): [outputs, inputs]
      case .convolution(let shape): [shape.outputs, shape.planes, shape.kernel, shape.kernel]
      }
    return [
      TensorSpec(name: "\(name).weight", shape: shape),
      TensorSpec(name: "\(name).bias", shape: [outputs]),
    ]
  }
}

/// A head's streams of dense layers: one for a linear head, value and advantage for a dueling one.
struct HeadPlan {
  var outputs: Int
  var streams: [[LayerPlan]]
}

/// The layers in the order of their parameters.
struct NetworkPlan {
  private(set) var trunk: [LayerPlan] = []
  private(set) var heads: [HeadPlan] = []
  private(set) var parameterCount = 0

  private var shape: [Int]
  /// Planes of the image that was flattened last: the next dense layer's columns are reordered by
  /// them.
  private var flattenedPlanes = 1

  var layers: [LayerPlan] { trunk + heads.flatMap { $0.streams.joined() } }

  init(_ spec: NetworkSpec) throws(NetworkSpecError) {
    shape = spec.inputShape
    guard shape.count == 1 || shape.count == 3, shape.allSatisfy({ $0 > 0 }) else {
      throw NetworkSpecError(
        description: "input shape: expected [features] or [planes, height, width], found \(shape)")
    }
    guard !spec.heads.isEmpty else {
      throw NetworkSpecError(description: "heads: expected at least 1, found none")
    }
    for (index, layer) in spec.layers.enumerated() { try add(layer, index) }
    for head in spec.heads { try add(head) }
    var names: Set<String> = []
    for name in layers.map(\.name) where !names.insert(name).inserted {
      throw NetworkSpecError(description: "heads: expected a name for each layer, found '\(name)' twice")
    }
  }

  private mutating func add(_ head: NetworkSpec.Head) throws(NetworkSpecError) {
    let streams =
      switch head.kind {
      case .linear: [try stream(head.name, hidden: nil, outputs: head.outputs)]
      case .dueling(let hidden):
        [
          try stream("value", hidden: hidden, outputs: 1),
          try stream("advantage", hidden: hidden, outputs: head.outputs),
        ]
      }
    heads.append(HeadPlan(outputs: head.outputs, streams: streams))
  }

  private mutating func add(_ layer: NetworkSpec.Layer, _ index: Int) throws(NetworkSpecError) {
    let name = "trunk.\(index)"
    switch layer {
    case .dense(let outputs):
      trunk.append(try dense(outputs: outputs, name: name))
      shape = [outputs]
      flattenedPlanes = 1
    case .convolution(let outputs, let kernel, let stride):
      try addConvolution(outputs: outputs, kernel: kernel, stride: stride, name: name)
    case .relu:
      guard !trunk.isEmpty else {
        throw NetworkSpecError(description: "\(name): relu needs a dense or convolution layer before it")
      }
      trunk[trunk.count - 1].hasRelu = true
    case .flatten:
      guard shape.count == 3 else {
        throw NetworkSpecError(description: "\(name): flatten needs [planes, height, width], found \(shape)")
      }
      flattenedPlanes = shape[0]
      shape = [shape.reduce(1, *)]
    }
  }

  private mutating func addConvolution(
    outputs: Int, kernel: Int, stride: Int, name: String
  ) throws(NetworkSpecError) {
    guard shape.count == 3 else {
      throw NetworkSpecError(
        description: "\(name): convolution needs [planes, height, width], found \(shape)")
    }
    guard outputs > 0, stride > 0, kernel > 0, kernel <= shape[1], kernel <= shape[2] else {
      throw NetworkSpecError(
        description:
          "\(name): a \(outputs)-output \(kernel)x\(kernel)/\(stride) convolution does not fit \(shape)")
    }
    let convolution = ConvolutionShape(
      planes: shape[0], height: shape[1], width: shape[2], outputs: outputs, kernel: kernel, stride: stride)
    trunk.append(
      LayerPlan(
        kind: .convolution(convolution), name: name, offset: parameterCount, channels: shape[0],
        places: kernel * kernel))
    parameterCount += trunk[trunk.count - 1].parameterCount
    shape = [outputs, convolution.outputHeight, convolution.outputWidth]
  }

  private mutating func dense(
    outputs: Int, name: String, inputs: Int? = nil
  ) throws(NetworkSpecError) -> LayerPlan {
    guard shape.count == 1 else {
      throw NetworkSpecError(description: "\(name): dense needs a vector, found \(shape); flatten first")
    }
    guard outputs > 0 else {
      throw NetworkSpecError(description: "\(name): expected at least 1 output, found \(outputs)")
    }
    let inputs = inputs ?? shape[0]
    let planes = inputs == shape[0] ? flattenedPlanes : 1
    let plan = LayerPlan(
      kind: .dense(inputs: inputs, outputs: outputs), name: name, offset: parameterCount,
      channels: planes, places: inputs / planes)
    parameterCount += plan.parameterCount
    return plan
  }

  private mutating func stream(
    _ name: String, hidden: Int?, outputs: Int
  ) throws(NetworkSpecError) -> [LayerPlan] {
    guard let hidden else { return [try dense(outputs: outputs, name: name)] }
    var first = try dense(outputs: hidden, name: "\(name).0")
    first.hasRelu = true
    let trunkPlanes = flattenedPlanes
    flattenedPlanes = 1
    defer { flattenedPlanes = trunkPlanes }
    return [first, try dense(outputs: outputs, name: "\(name).2", inputs: hidden)]
  }
}
