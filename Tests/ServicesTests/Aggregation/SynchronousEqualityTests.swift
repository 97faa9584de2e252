// Synchronous learners against one learner with all their rows.

import Algorithms
import Configuration
import Experience
import Foundations
import Numerics
import Testing
import Wire

@testable import Services

@Suite struct SynchronousEqualityTests {
  private static let inputs = 4
  private static let spec = NetworkSpec.mlp(inputs: inputs, hidden: [16, 16], outputs: 3, dueling: true)

  /// Rows of transitions, with the probability by which each was drawn.
  private struct Rows {
    var observation: [Float] = []
    var action: [Int32] = []
    var reward: [Float] = []
    var discount: [Float] = []
    var next: [Float] = []
    var probability: [Float] = []

    init(count: Int, _ draw: inout SeededGenerator) {
      func floats(_ count: Int) -> [Float] { (0..<count).map { _ in draw.uniformFloat() * 2 - 1 } }
      observation = floats(count * inputs)
      next = floats(count * inputs)
      reward = floats(count).map { $0 * 3 }
      action = (0..<count).map { _ in Int32(draw.below(3)) }
      discount = (0..<count).map { $0 % 5 == 4 ? 0 : 0.97 }
      probability = (0..<count).map { _ in 1e-4 * (1 + 30 * draw.uniformFloat()) }
    }

    /// The gradient of some of the rows, and what their importance weights were divided by.
    func gradient(of range: Range<Int>, by rule: DQNRule, beta: Float) throws -> (weightMax: Float, [Float]) {
      var weights = [Float](repeating: 0, count: range.count)
      let weightMax = try probability[range].withUnsafeBufferPointer { probabilities in
        try weights.withUnsafeMutableBufferPointer {
          try ImportanceWeights.compute(probabilities: probabilities, beta: beta, into: $0)
        }
      }
      let fields = [
        Field(StepSchema.observation, .float32, shape: [inputs]), Field(StepSchema.action, .int32),
        Field(StepSchema.reward, .float32), Field(TableSchema.discount, .float32),
        Field(TableSchema.nextObservation, .float32, shape: [inputs]),
      ]
      var copies = (observation, action, reward, discount, next)
      var priorities = [Float](repeating: 0, count: range.count)
      let outcome = try copies.0.withUnsafeMutableBytes { observation in
        try copies.1.withUnsafeMutableBytes { action in
          try copies.2.withUnsafeMutableBytes { reward in
            try copies.3.withUnsafeMutableBytes { discount in
              try copies.4.withUnsafeMutableBytes { next in
                try weights.withUnsafeBufferPointer { weights in
                  let columns = [observation, action, reward, discount, next].map { $0.baseAddress! }
                  let batch = ColumnBatch(
                    fields: fields, columns: columns, firstRow: range.lowerBound, count: range.count,
                    importanceWeights: weights.baseAddress)
                  return try priorities.withUnsafeMutableBufferPointer {
                    try rule.computeGradients(batch, priorities: $0)
                  }
                }
              }
            }
          }
        }
      }
      #expect(outcome == .trained)
      var gradient = [Float](repeating: 0, count: rule.parameterCount)
      gradient.withUnsafeMutableBufferPointer { rule.exportGradients(to: $0) }
      return (weightMax, gradient)
    }
  }

  /// Sizes of the learners' batches; the optimizer; how far apart the parameters may be.
  private static let cases: [([Int], GradientDescent, Float)] = [
    ([16, 16], GradientDescent(.sgd(SGD()), learningRate: 0.02, clip: 0.05), 1e-5),
    ([7, 20, 5], GradientDescent(.sgd(SGD(momentum: 0.5)), learningRate: 0.01, clip: 0.05), 1e-5),
    ([16, 16], GradientDescent(.adam(Adam(epsilon: 1.5e-4)), learningRate: 1e-3, clip: 0.05), 1e-4),
    ([7, 20, 5], GradientDescent(.adam(Adam(epsilon: 1.5e-4)), learningRate: 1e-3, clip: 0.05), 1e-4),
  ]

  /// After 100 updates on the same rows, with importance weights that differ between the learners
  /// and gradients that are clipped.
  @Test(arguments: cases.indices)
  func makeTheSameParameters(index: Int) throws {
    let (sizes, descent, bound) = Self.cases[index]
    let total = sizes.reduce(0, +)
    let configuration = DQNConfiguration(descent: descent, target: .hard(everyUpdates: 1_000_000))
    let together = try DQNRule(spec: Self.spec, configuration: configuration, batchMax: total)
    let learner = try DQNRule(spec: Self.spec, configuration: configuration, batchMax: total)
    var draw = SeededGenerator(seed: UInt64(index) + 1, part: "synchronous")
    var state = ParameterState(
      version: 1, updates: 0, merged: [], manifest: together.manifest,
      values: try Algorithm.dqn(configuration, Self.spec).initialParameters(using: &draw))
    for rule in [together, learner] {
      state.values.withUnsafeBufferPointer {
        rule.importParameters(from: $0)
        rule.adoptMilestone($0)
      }
    }
    var merger = Aggregation.gradients(
      GradientsConfiguration(mode: .synchronous(.share(1)), late: .carry, descent: descent)
    ).merger(parameters: state.values.count, incarnation: Fixtures.id(99))
    _ = merger.prepare(&state)
    for id in sizes.indices { merger.admit(Fixtures.id(UInt64(id)), now: .at(0)) }
    var clipped = 0
    for update in 0..<100 as Range<UInt64> {
      let rows = Rows(count: total, &draw)
      let (_, whole) = try rows.gradient(of: 0..<total, by: together, beta: 0.6)
      if whole.reduce(0, { $0 + $1 * $1 }).squareRoot() > 0.05 { clipped += 1 }
      together.applyGradients()
      var first = 0
      for (id, size) in sizes.enumerated() {
        state.values.withUnsafeBufferPointer { learner.importParameters(from: $0) }
        let (weightMax, part) = try rows.gradient(of: first..<first + size, by: learner, beta: 0.6)
        first += size
        let added = part.withUnsafeBytes { values in
          merger.add(
            .gradient(
              Gradient(
                id: Fixtures.id(UInt64(id)), sequence: update + 1, incarnation: Fixtures.id(99), base: update,
                rows: size, weightMax: Double(weightMax), madeAt: 1, values: values)), into: &state,
            now: .at(Double(update)))
        }
        let isUpdated = if case .updated = added { true } else { false }
        #expect(isUpdated == (id == sizes.count - 1))
      }
      while merger.takeAnswer(updates: state.updates, now: .at(Double(update))) != nil {}
    }
    let difference = zip(together.parameters(), state.values).map { abs($0 - $1) }.max() ?? .infinity
    #expect(difference < bound, "\(difference)")
    #expect(clipped > 50 && state.updates == 100)
  }
}
