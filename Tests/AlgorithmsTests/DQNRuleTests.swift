// Properties of the rule beyond its formulas.

import Algorithms
import Foundations
import Numerics
import Testing

private let spec = NetworkSpec.mlp(inputs: 4, hidden: [16], outputs: 3, dueling: true)

private func learner(_ configuration: DQNConfiguration = DQNConfiguration(learningRate: 1e-2)) throws
  -> DQNRule
{
  try DQNRule(seed: 5, spec: spec, configuration: configuration, batchMax: 16)
}

private let columns = TransitionColumns(inputs: 4, actions: 3, count: 16, seed: 6)

@Suite struct DQNRuleTests {
  @Test func trainingFitsOneBatch() throws {
    let learner = try learner()
    var losses: [Float] = []
    for _ in 0..<300 {
      guard case .trained = try columns.train(learner).outcome else { continue }
      losses.append(learner.loss)
    }
    #expect(losses.count == 300)
    #expect(losses[299] < losses[0] / 20, "\(losses[0]) to \(losses[299])")
  }

  @Test func weightsScaleEachRowsGradient() throws {
    let (plain, weighted) = (try learner(), try learner())
    var heavier = columns
    heavier.weight = [Float](repeating: 0.25, count: 16)
    #expect(try columns.train(plain).outcome == .trained && heavier.train(weighted).outcome == .trained)
    #expect((weighted.loss - plain.loss / 4).magnitude < 1e-6)
    #expect((weighted.gradientNorm - plain.gradientNorm / 4).magnitude < 1e-6)
  }

  @Test(arguments: [Int32(-1), 3, .max, .min])
  func actionsOutOfRangeAreRefused(_ action: Int32) throws {
    let learner = try learner()
    let before = learner.values
    var wrong = columns
    wrong.action[9] = action
    #expect(throws: BatchError.action(action, row: 9, actions: 3)) { try wrong.train(learner) }
    #expect(learner.values == before && learner.optimizerStep == 0)
  }

  @Test func wrongSizesAreRefused() throws {
    let small = try DQNRule(spec: spec, batchMax: 15)
    #expect(throws: BatchError.count(16, batchMax: 15)) { try columns.train(small) }
    let learner = try learner()
    columns.withBatch { batch in
      var empty = batch
      empty.count = 0
      var errors = [Float](repeating: 0, count: 15)
      errors.withUnsafeMutableBufferPointer { errors in
        #expect(throws: BatchError.count(0, batchMax: 16)) {
          try learner.train(empty, priorities: errors)
        }
        #expect(throws: BatchError.priorityBuffer(15, rows: 16)) {
          try learner.train(batch, priorities: errors)
        }
      }
    }
  }

  @Test(arguments: [Float.nan, .infinity, 1e38])
  func whatIsNotFiniteChangesNothing(_ poison: Float) throws {
    let learner = try learner(
      DQNConfiguration(
        learningRate: 5e-4, gradientClip: nil, huberDelta: .infinity, target: .polyak(tau: 0.5)))
    _ = try columns.train(learner)
    let (before, target) = (learner.values, learner.targetParameters)
    var wrong = columns
    wrong.reward[3] = poison
    #expect(try wrong.train(learner).outcome == .notFinite)
    #expect(learner.values == before && learner.targetParameters == target && learner.optimizerStep == 1)
    guard case .trained = try columns.train(learner).outcome else { throw Failure.notTrained }
  }

  /// Exactly the rows at fault are found: row 3 by its error, row 5 only by its gradient.
  @Test func rowsAtFaultAreMarked() throws {
    let learner = try learner()
    var wrong = columns
    wrong.reward[3] = .infinity
    let large = [Float](repeating: 3e38, count: 4).withUnsafeBytes { Array($0) }
    wrong.observation.replaceSubrange(5 * 16..<6 * 16, with: large)
    let before = learner.values
    var errors = [Float](repeating: -1, count: 16)
    try wrong.withBatch { batch in
      try errors.withUnsafeMutableBufferPointer {
        #expect(try learner.train(batch, priorities: $0) == .notFinite)
        try learner.markRowsAtFault(batch, priorities: $0)
      }
    }
    #expect(errors.indices.filter { !errors[$0].isFinite } == [3, 5])
    #expect(learner.values == before && learner.optimizerStep == 0)
  }

  /// The observation after a terminal step is not used, even if it is NaN.
  @Test func terminalRowsIgnoreTheirNextObservation() throws {
    let (one, other) = (try learner(), try learner())
    var changed = columns
    let poison = [Float](repeating: .nan, count: 4).withUnsafeBytes { Array($0) }
    changed.nextObservation.replaceSubrange(3 * 16..<4 * 16, with: poison)
    #expect(changed.discount[3] == 0)
    #expect(try columns.train(one).outcome == changed.train(other).outcome)
    #expect(one.values == other.values)
  }

  @Test func hardTargetsMoveOnlyWhenTold() throws {
    let learner = try learner()
    let first = learner.values
    #expect(learner.targetParameters == first)
    _ = try columns.train(learner)
    #expect(learner.targetParameters == first && learner.values != first)
    let other = learner.values.map { $0 / 2 }
    other.withUnsafeBufferPointer { learner.adoptMilestone($0) }
    #expect(learner.targetParameters == other && learner.values != other)
  }

  @Test func checkpointContinuesAsIfNothingHappened() throws {
    let (one, other) = (
      try learner(),
      try DQNRule(spec: spec, configuration: DQNConfiguration(learningRate: 1e-2), batchMax: 16)
    )
    for _ in 0..<7 { _ = try columns.train(one) }
    one.values.withUnsafeBufferPointer { other.importParameters(from: $0) }
    let names = one.stateNames
    #expect(Set(one.state.vectors.keys) == Set(names.vectors + names.optimizerVectors))
    #expect(Set(one.state.counters.keys) == Set(names.counters))
    other.restore(one.state)
    for _ in 0..<3 { #expect(try columns.train(one).outcome == columns.train(other).outcome) }
    #expect(one.values == other.values && one.optimizerStep == 10)
  }

  /// Each update has the learning rate of its moment: Adam's first steps are ±lr where the gradient
  /// is not tiny.
  @Test func theLearningRateFollowsTheClock() throws {
    let schedule = Schedule(.linear, from: 0.01, to: 0.002, over: 100)
    let (scheduled, constant) = (
      try learner(DQNConfiguration(learningRate: schedule)), try learner(DQNConfiguration(learningRate: 0.01))
    )
    #expect(DQNRule.scheduledDescriptions.map(\.name) == ["learning_rate"] && scheduled.scheduled == [0.01])
    func steps(_ rule: DQNRule) throws -> [Float] {
      let before = rule.values
      _ = try columns.train(rule)
      return zip(rule.values, before).map { $0 - $1 }
    }
    #expect(try steps(scheduled) == steps(constant))
    constant.values.withUnsafeBufferPointer { scheduled.importParameters(from: $0) }
    scheduled.clock = RunClock(updates: 100, envSteps: 7)
    #expect(scheduled.scheduled == [0.002])
    let (slow, fast) = (try steps(scheduled), try steps(constant))
    #expect(zip(slow, fast).allSatisfy { abs($0 * 5 - $1) <= 1e-5 } && fast.contains { abs($0) > 1e-3 })
  }

  /// Exporting and importing gradients does not change the update.
  @Test func gradientsCanBeAppliedElsewhere() throws {
    let (one, other) = (try learner(), try learner())
    var errors = [Float](repeating: 0, count: 16)
    for _ in 0..<3 {
      _ = try columns.train(one)
      _ = try columns.withBatch { batch in
        try errors.withUnsafeMutableBufferPointer { try other.computeGradients(batch, priorities: $0) }
      }
      let gradients = written(other.parameterCount) { other.exportGradients(to: $0) }
      let norm = gradients.withUnsafeBufferPointer { other.importGradients(from: $0) }
      #expect(norm.isFinite && norm > 0)
      other.applyGradients()
    }
    #expect(one.values == other.values)
  }

  private enum Failure: Error { case notTrained }
}
