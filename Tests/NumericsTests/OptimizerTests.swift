// Optimizers against their formulas.

import Foundations
import Numerics
import Testing

@Suite struct OptimizerTests {
  /// The state of a formula in float64: a parameter and two vectors of state.
  private struct Reference {
    var value = 1.0
    var first = 0.0
    var second = 0.0
  }

  private typealias Formula = @Sendable (inout Reference, _ gradient: Double, _ step: Int) -> Void

  private static let cases: [(Optimizer, Formula)] = [
    (
      .adam(Adam(epsilon: 1e-3)),
      { state, g, step in
        state.first = 0.9 * state.first + 0.1 * g
        state.second = 0.999 * state.second + 0.001 * g * g
        let power = (1...step).reduce((1.0, 1.0)) { power, _ in (power.0 * 0.9, power.1 * 0.999) }
        let root = (state.second / (1 - power.1)).squareRoot()
        state.value -= 0.1 * (state.first / (1 - power.0)) / (root + 1e-3)
      }
    ),
    (.sgd(SGD()), { state, g, _ in state.value -= 0.1 * g }),
    (
      .sgd(SGD(momentum: 0.5)),
      { state, g, _ in
        state.first = 0.5 * state.first + g
        state.value -= 0.1 * state.first
      }
    ),
    (
      .rmsprop(RMSProp(decay: 0.75, epsilon: 1e-2)),
      { state, g, _ in
        state.first = 0.75 * state.first + 0.25 * g * g
        state.value -= 0.1 * g / (state.first.squareRoot() + 1e-2)
      }
    ),
    (
      .rmsprop(RMSProp(decay: 0.75, epsilon: 1e-2, momentum: 0.5)),
      { state, g, _ in
        state.first = 0.75 * state.first + 0.25 * g * g
        state.second = 0.5 * state.second + g / (state.first.squareRoot() + 1e-2)
        state.value -= 0.1 * state.second
      }
    ),
  ]

  /// 37 parameters, which is no multiple of a vector's lanes, each with gradients of its own; the
  /// scale multiplies them first.
  @Test(arguments: cases.indices)
  func followsItsFormula(index: Int) {
    let (optimizer, formula) = Self.cases[index]
    let count = 37
    let state = OptimizerState(optimizer, parameterCount: count)
    var generator = SeededGenerator(seed: 7, part: "optimizer")
    var parameters = [Float](repeating: 1, count: count)
    var references = [Reference](repeating: Reference(), count: count)
    for step in 1...20 {
      let gradients = (0..<count).map { _ in Float(generator.below(17) - 8) / 4 }
      parameters.withUnsafeMutableBufferPointer { parameters in
        gradients.withUnsafeBufferPointer {
          state.step(parameters, gradients: $0, gradientScale: 0.25, learningRate: 0.1)
        }
      }
      for element in 0..<count {
        formula(&references[element], Double(gradients[element]) * 0.25, step)
        #expect(abs(Double(parameters[element]) - references[element].value) < 1e-5, "step \(step)")
      }
    }
    #expect(state.stepCount == 20)
    #expect(state.vectors.map(\.name) == optimizer.vectorNames)
    for (element, reference) in references.enumerated() {
      for ((_, values), expected) in zip(state.vectors, [reference.first, reference.second]) {
        #expect(abs(Double(values[element]) - expected) < 1e-5 * max(1, abs(expected)))
      }
    }
  }

  /// Adam alone, on PyTorch's gradients of the first update. The parameters after it are not
  /// stored, but Adam's first step is lr · g / (|g| + ε), whatever the betas.
  @Test func firstAdamStepIsTheSignOfTheGradient() throws {
    let gradients = try Fixture("mlp")["gradients"]
    var parameters = [Float](repeating: 0, count: gradients.count)
    let adam = OptimizerState(.adam(Adam(epsilon: 1e-6)), parameterCount: gradients.count)
    parameters.withUnsafeMutableBufferPointer { parameters in
      gradients.withUnsafeBufferPointer { adam.step(parameters, gradients: $0, learningRate: 0.01) }
    }
    #expect(gradients.contains { $0 != 0 })
    #expect(largestDifference(parameters, gradients.map { -0.01 * $0 / ($0.magnitude + 1e-6) }) < 1e-7)
  }
}
