// The optimizers: how a gradient becomes a step of the parameters.

/// An optimizer with its settings. It keeps nothing: the caller owns the parameters and the
/// vectors of state that go with them, all flat, in one order.
public enum Optimizer: Hashable, Sendable {
  case adam(Adam)
  case sgd(SGD)
  case rmsprop(RMSProp)

  /// What it is called in files and configurations.
  public var name: String {
    switch self {
    case .adam: "adam"
    case .sgd: "sgd"
    case .rmsprop: "rmsprop"
    }
  }

  /// The names of the vectors of state, in the order of `step`; each begins at zero.
  public var vectorNames: [String] {
    switch self {
    case .adam: ["adam.m", "adam.v"]
    case .sgd(let sgd): sgd.momentum == 0 ? [] : ["sgd.momentum"]
    case .rmsprop(let rmsprop):
      rmsprop.momentum == 0 ? ["rmsprop.v"] : ["rmsprop.v", "rmsprop.momentum"]
    }
  }

  /// Makes one step of all parameters in one pass.
  /// - Parameters:
  ///   - vectors: the vectors of `vectorNames`, `[parameters.count]` each.
  ///   - gradientScale: gradients are multiplied by it first.
  ///   - learningRate: the step size.
  ///   - number: the number of this step, from 1.
  public func step(
    _ parameters: UnsafeMutableBufferPointer<Float>, vectors: [UnsafeMutablePointer<Float>],
    gradients: UnsafeBufferPointer<Float>, gradientScale: Float = 1, learningRate: Double, number: Int
  ) {
    precondition(gradients.count == parameters.count && vectors.count == vectorNames.count, "sizes differ")
    switch self {
    case .adam(let adam):
      adam.step(parameters, vectors[0], vectors[1], gradients, gradientScale, learningRate, number)
    case .sgd(let sgd): sgd.step(parameters, vectors.first, gradients, gradientScale, learningRate)
    case .rmsprop(let rmsprop):
      rmsprop.step(
        parameters, vectors[0], vectors.count > 1 ? vectors[1] : nil, gradients, gradientScale, learningRate)
    }
  }
}
