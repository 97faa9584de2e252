// The state of an optimizer beside a network.

/// The vectors of an optimizer, in the network's own order of parameters, and its steps. Not
/// `Sendable`: one thread owns it.
public final class OptimizerState {
  /// The optimizer and its settings.
  public let optimizer: Optimizer
  /// Steps so far.
  public var stepCount = 0
  private let buffers: [AlignedBuffer]

  public init(_ optimizer: Optimizer, parameterCount: Int) {
    self.optimizer = optimizer
    buffers = optimizer.vectorNames.map { _ in AlignedBuffer(count: parameterCount) }
  }

  /// The vectors with the names of `Optimizer.vectorNames`.
  public var vectors: [(name: String, values: UnsafeMutableBufferPointer<Float>)] {
    zip(optimizer.vectorNames, buffers).map { ($0, $1.values) }
  }

  /// Makes one step; see `Optimizer.step`.
  public func step(
    _ parameters: UnsafeMutableBufferPointer<Float>, gradients: UnsafeBufferPointer<Float>,
    gradientScale: Float = 1, learningRate: Double
  ) {
    stepCount += 1
    optimizer.step(
      parameters, vectors: buffers.map(\.base), gradients: gradients, gradientScale: gradientScale,
      learningRate: learningRate, number: stepCount)
  }
}
