// Five updates against PyTorch.

import Algorithms
import Foundations
import Numerics
import Testing

/// The settings of python/fixtures/make_numerics.py.
struct GoldenCase: Sendable, CustomTestStringConvertible {
  var name: String
  var isDouble: Bool
  var isWeighted: Bool
  var clip: Float?
  var delta: Float = 1
  var tau: Float?

  var testDescription: String { name }

  static let all: [GoldenCase] = [
    GoldenCase(name: "mlp", isDouble: false, isWeighted: false),
    GoldenCase(name: "mlp_double", isDouble: true, isWeighted: true, clip: 0.1),
    GoldenCase(name: "mlp_dueling", isDouble: false, isWeighted: true, delta: 0.5),
    GoldenCase(name: "mlp_dueling_double", isDouble: true, isWeighted: false, clip: 0.1, tau: 0.1),
    GoldenCase(name: "conv", isDouble: true, isWeighted: true, clip: 0.1),
    GoldenCase(name: "conv_dueling", isDouble: true, isWeighted: true, tau: 0.1),
  ]

  var isImage: Bool { name.hasPrefix("conv") }

  var configuration: DQNConfiguration {
    DQNConfiguration(
      isDouble: isDouble,
      descent: GradientDescent(.adam(Adam(epsilon: 1e-6)), learningRate: 1e-2, clip: clip),
      huberDelta: delta,
      target: tau.map { .polyak(tau: $0) } ?? .hard(everyUpdates: 100))
  }
}

@Suite struct DQNGoldenTests {
  @Test(arguments: GoldenCase.all)
  func fiveStepsMatchPyTorch(_ golden: GoldenCase) throws {
    let fixture = try Fixture(golden.name)
    let columns = TransitionColumns(fixture, isImage: golden.isImage, isWeighted: golden.isWeighted)
    let learner = try DQNRule(
      spec: fixtureSpec(golden.name), configuration: golden.configuration, batchMax: columns.action.count + 2)
    fixture["parameters"].withUnsafeBufferPointer { learner.importParameters(from: $0) }
    fixture["target"].withUnsafeBufferPointer { learner.adoptMilestone($0) }
    for step in 0..<5 {
      let (outcome, priorities) = try columns.train(learner)
      guard case .trained = outcome else {
        Issue.record("step \(step): \(outcome)")
        return
      }
      #expect((learner.loss - fixture["losses"][step]).magnitude < 5e-6, "step \(step)")
      #expect((learner.gradientNorm - fixture["norms"][step]).magnitude < 5e-6, "step \(step)")
      guard step == 0 else { continue }
      #expect(largestDifference(priorities.map { $0 - TransitionPriority.epsilon }, fixture["errors"]) < 1e-6)
      #expect((learner.metrics[2] - fixture["meanQ"][0]).magnitude < 1e-6)
      let gradients = written(learner.parameterCount) { learner.exportGradients(to: $0) }
      // Both are gradients before clipping.
      #expect(largestDifference(gradients, fixture["gradients"]) < 1e-6)
    }
    #expect(largestDifference(learner.values, fixture["trained"]) < 1e-5)
    let target = fixture[golden.tau == nil ? "target" : "trainedTarget"]
    #expect(largestDifference(learner.targetParameters, target) < 1e-5)
  }
}
