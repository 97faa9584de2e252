// A network: parameters, and forward and backward passes over preallocated buffers.

internal import CKernels
public import Foundations

/// A network that computes on the CPU, on the calling thread, without allocating memory.
///
/// Not `Sendable`: one thread owns it. The parameters are one flat buffer. `importParameters` and
/// `exportParameters` use PyTorch's layout and the order of `NetworkSpec.parameters()`. Internally,
/// convolution weights and the columns after a flatten are channels last, a fixed permutation, so
/// sums and means of flat vectors are the same in both layouts.
///
///     let spec = NetworkSpec.mlp(inputs: 4, hidden: [64, 64], outputs: 2, dueling: false)
///     let network = try Network(spec: spec, batchMax: 32)
///     network.initialize(using: &generator)
///     let q = network.forward(observations, count: 32)  // [32, 2]
public final class Network {
  /// The network's input, layers and heads.
  public let spec: NetworkSpec
  /// The largest number of rows of a call.
  public let batchMax: Int
  /// Elements of the flat parameters.
  public let parameterCount: Int

  let plan: NetworkPlan
  let parameterBuffer: AlignedBuffer
  let gradientBuffer: AlignedBuffer?
  private let layout: NetworkLayout
  private var isPacked = false
  /// The input of the last forward pass, as prepared for the first layer.
  private var lastInput: UnsafePointer<Float>?

  /// - Parameter isTraining: whether `backward` will be called; if not, its buffers are not
  ///   allocated.
  /// - Throws: `NetworkSpecError` if the layers do not fit each other or `batchMax` is below 1.
  public convenience init(spec: NetworkSpec, batchMax: Int, isTraining: Bool = false) throws(NetworkSpecError)
  {
    try self.init(spec: spec, batchMax: batchMax, isTraining: isTraining, level: rookery_level())
  }

  /// The levels of instruction sets that this machine has, for tests.
  static var levels: ClosedRange<Int32> { 0...rookery_level() }

  /// - Parameter level: the instruction set of the products.
  init(spec: NetworkSpec, batchMax: Int, isTraining: Bool, level: Int32) throws(NetworkSpecError) {
    guard batchMax > 0 else {
      throw NetworkSpecError(description: "batchMax: expected at least 1, found \(batchMax)")
    }
    let plan = try NetworkPlan(spec)
    self.spec = spec
    self.batchMax = batchMax
    self.plan = plan
    parameterCount = plan.parameterCount
    parameterBuffer = AlignedBuffer(count: plan.parameterCount)
    gradientBuffer = isTraining ? AlignedBuffer(count: plan.parameterCount) : nil
    layout = NetworkLayout(
      spec: spec, plan: plan, batchMax: batchMax, level: level, parameters: parameterBuffer,
      gradients: gradientBuffer)
  }

  /// The parameters in the network's own layout. Call `parametersChanged` after writing them.
  public var parameters: UnsafeMutableBufferPointer<Float> { parameterBuffer.values }

  /// The gradients of the last backward pass, in the network's own layout; empty if it is not for
  /// training.
  public var gradients: UnsafeMutableBufferPointer<Float> {
    gradientBuffer?.values ?? UnsafeMutableBufferPointer(start: nil, count: 0)
  }

  /// Memory for the gradient of the loss in a head's outputs, `[count, outputs]`. Write it for
  /// every head before `backward`, which reads all of them.
  public func outputGradient(head: Int = 0) -> UnsafeMutablePointer<Float> {
    guard let gradient = layout.heads[head].outputGradient else {
      preconditionFailure("not a training network")
    }
    return gradient
  }

  /// A head's outputs `[count, outputs]` of the last forward pass, valid until the next one.
  public func outputs(head: Int) -> UnsafePointer<Float> { UnsafePointer(layout.heads[head].output) }

  /// Call it after writing the parameters in place; the next forward pass packs them again.
  public func parametersChanged() { isPacked = false }

  /// Computes all heads for observations `[count] + inputShape` of the spec's input type. Float32
  /// vectors are read in place and must stay valid until `backward`.
  /// - Returns: The outputs `[count, outputs]` of the first head, valid until the next call.
  @discardableResult
  public func forward(_ observations: UnsafeRawPointer, count: Int) -> UnsafePointer<Float> {
    precondition(count >= 0 && count <= batchMax, "\(count) rows in a network for \(batchMax)")
    if !isPacked {
      for layer in layout.trunk { layer.pack() }
      for head in layout.heads { head.pack() }
      isPacked = true
    }
    let input = layout.stage(observations, count: count)
    lastInput = input
    var features = input
    for layer in layout.trunk { features = layer.forward(features, count: count) }
    for head in layout.heads { head.forward(features, count: count) }
    return outputs(head: 0)
  }

  /// Computes `gradients` from the heads' output gradients, for the rows of the last forward pass.
  public func backward(count: Int) {
    guard let input = lastInput, gradientBuffer != nil else {
      preconditionFailure("backward needs a training network and a forward pass before it")
    }
    let features = layout.trunk.last.map { UnsafePointer($0.output) } ?? input
    let featureGradient = layout.trunk.last?.outputGradient
    for index in layout.heads.indices {
      layout.heads[index].backward(
        features, featureGradient: featureGradient, accumulate: index > 0, count: count)
    }
    for index in layout.trunk.indices.reversed() {
      let below = index > 0 ? layout.trunk[index - 1] : nil
      layout.trunk[index].backward(
        below.map { UnsafePointer($0.output) } ?? input, inputGradient: below?.outputGradient, count: count)
    }
  }
}

extension Network {
  /// Draws parameters as PyTorch does by default: weights and biases uniform on ±1/√(inputs of a
  /// unit) (He et al. 2015 with a = √5).
  public func initialize(using generator: inout SeededGenerator) {
    for layer in plan.layers {
      let bound = 1 / Float(layer.fanIn).squareRoot()
      // Drawn in PyTorch's order, so that the values do not depend on the internal layout.
      var drawn = [Float](repeating: 0, count: layer.parameterCount)
      for index in drawn.indices { drawn[index] = (generator.uniformFloat() * 2 - 1) * bound }
      drawn.withUnsafeBufferPointer { source in
        layer.fromPyTorch(source.baseAddress!, to: parameterBuffer.base + layer.offset)
      }
    }
    parametersChanged()
  }
}
