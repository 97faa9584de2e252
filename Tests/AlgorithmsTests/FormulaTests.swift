// The small formulas against published or independently computed values.

import Algorithms
import Testing

@Suite struct FormulaTests {
  @Test func explorationLadderOfEight() {
    let ladder = ExplorationLadder()
    let expected: [Float] = [0.4, 0.16, 0.064, 0.0256, 0.01024, 0.004096, 0.001_638_4, 0.000_655_36]
    for (index, epsilon) in expected.enumerated() {
      #expect((ladder.epsilon(index: index, count: 8) / epsilon - 1).magnitude < 1e-6)
    }
    #expect(ladder.epsilon(index: 0, count: 1) == 0.4)
  }

  @Test func prioritiesBecomeProbabilitiesAndWeights() throws {
    let probabilities = proportionalProbabilities(priorities: [1, 2, 3, 4], alpha: 0.6)
    #expect(largestDifference(probabilities, [0.148230, 0.224674, 0.286555, 0.340542]) < 1e-6)
    let (weights, divisor) = try weightsAndDivisor(probabilities, beta: 0.4)
    #expect(abs(divisor - 2.145979) < 1e-5)
    #expect(largestDifference(weights, [1, 0.846745, 0.768229, 0.716978]) < 1e-6)
    #expect(try self.weights(probabilities, beta: 0) == [1, 1, 1, 1])
  }

  private func weights(_ probabilities: [Float], beta: Float) throws -> [Float] {
    try weightsAndDivisor(probabilities, beta: beta).weights
  }

  private func weightsAndDivisor(
    _ probabilities: [Float], beta: Float
  ) throws -> (weights: [Float], divisor: Float) {
    var weights = [Float](repeating: -1, count: probabilities.count)
    let divisor = try probabilities.withUnsafeBufferPointer { probabilities in
      try weights.withUnsafeMutableBufferPointer {
        try ImportanceWeights.compute(probabilities: probabilities, beta: beta, into: $0)
      }
    }
    return (weights, divisor)
  }

  @Test(arguments: [Float(0), -0.1, .nan, .infinity])
  func impossibleProbabilitiesAreRefused(_ probability: Float) {
    let error = #expect(throws: InvalidProbability.self) { try weights([0.5, probability], beta: 0.4) }
    #expect(error?.row == 1)
  }

  @Test func betaRisesLinearly() {
    let weights = ImportanceWeights(betaStart: 0.4, betaEnd: 1, annealingUpdates: 100)
    #expect(weights.beta(afterUpdates: -5) == 0.4 && weights.beta(afterUpdates: 0) == 0.4)
    #expect((weights.beta(afterUpdates: 50) - 0.7).magnitude < 1e-6)
    #expect(weights.beta(afterUpdates: 100) == 1 && weights.beta(afterUpdates: 1000) == 1)
    #expect(ImportanceWeights(betaStart: 0.4, betaEnd: 0.9, annealingUpdates: 0).beta(afterUpdates: 0) == 0.9)
  }

  /// The values of rlax's own test of `n_step_bootstrapped_returns`.
  @Test func nStepReturnsOfRlax() {
    let (rewards, discounts): ([Float], [Float]) = ([1, 0, -1, 0, 1], [0.5, 0.9, 1, 0.5, 0.8])
    let values: [Float] = [3, 1, 5, -5, 3]
    let returns = rewards.indices.map { start in
      let last = min(start + 3, rewards.count) - 1
      return (start...last).reversed().reduce(values[last]) {
        precedingReturn($0, reward: rewards[$1], discount: discounts[$1])
      }
    }
    #expect(largestDifference(returns, [2.8, -3.15, 0.7, 1.7, 3.4]) < 1e-6)
  }

  @Test func prioritiesOfErrors() {
    #expect(TransitionPriority()(error: -2.5) == 2.5 + TransitionPriority.epsilon)
    #expect(TransitionPriority()(error: 0) > 0)
  }
}
