// The server's optimizer.

internal import Algorithms
internal import Foundations
internal import Numerics

/// Clips a gradient by its global norm and follows it. The optimizer's vectors are in the state, in
/// the manifest's order, and saved with the weights.
struct OptimizerStep {
  private let descent: GradientDescent

  init(_ descent: GradientDescent) {
    self.descent = descent
  }

  /// Gives the state the optimizer's vectors. Those of another optimizer are dropped.
  /// - Returns: what the user should know of a saved state.
  func prepare(_ state: inout ParameterState) -> String? {
    let names = descent.optimizer.vectorNames
    let kept = state.vectors
    if kept.map(\.name) == names, kept.allSatisfy({ $0.values.allSatisfy(\.isFinite) }) { return nil }
    let zeros = [Float](repeating: 0, count: state.values.count)
    state.vectors = names.map { StateVector(name: $0, number: 0, values: zeros) }
    guard state.version > 1 else { return nil }
    let expected = names.isEmpty ? "no vectors" : names.joined(separator: " and ")
    let found = kept.isEmpty ? "none" : kept.map(\.name).joined(separator: " and ") + " of other settings"
    return
      "algorithm.optimizer: expected \(expected) beside the saved weights, found \(found): they begin at zero"
  }

  /// Makes one update along `scale` times a vector. Its size is the learning rate at the state's
  /// clock over `divisor`.
  func apply(
    _ gradient: UnsafeBufferPointer<Float>, scale: Float, divisor: Double, to state: inout ParameterState
  ) {
    let clipped = scale * descent.scale(norm: scale * GradientClip.norm(gradient))
    let clock = RunClock(updates: state.clock, envSteps: Double(state.envSteps.total))
    // Out of the state, which the call changes too.
    var vectors: [StateVector] = []
    swap(&vectors, &state.vectors)
    let number = Int(vectors.first?.number ?? 0) + 1
    state.values.withUnsafeMutableBufferPointer { values in
      Self.withPointers(to: &vectors) { pointers in
        descent.optimizer.step(
          values, vectors: pointers, gradients: gradient, gradientScale: clipped,
          learningRate: descent.learningRate.value(at: clock) / divisor, number: number)
      }
    }
    for index in vectors.indices { vectors[index].number = Double(number) }
    swap(&vectors, &state.vectors)
  }

  /// Calls `body` with pointers to all vectors' elements.
  private static func withPointers(
    to vectors: inout [StateVector], _ body: ([UnsafeMutablePointer<Float>]) -> Void
  ) {
    func next(_ index: Int, _ pointers: [UnsafeMutablePointer<Float>], _ vectors: inout [StateVector]) {
      guard index < vectors.count else { return body(pointers) }
      var values: [Float] = []
      swap(&values, &vectors[index].values)
      values.withUnsafeMutableBufferPointer { next(index + 1, pointers + [$0.baseAddress!], &vectors) }
      swap(&values, &vectors[index].values)
    }
    next(0, [], &vectors)
  }
}
