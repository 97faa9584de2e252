// What all rules over trajectories do.

import Algorithms
import Foundations
import Numerics
import Testing

@Suite struct TrajectoryRuleTests {
  private let columns: TrajectoryColumns
  private let parameters: [Float]

  init() throws {
    let fixture = try Fixture("trajectories", in: "trajectories")
    columns = TrajectoryColumns(fixture)
    parameters = fixture["parameters"]
  }

  private func actorCritic(_ descent: GradientDescent? = nil) throws -> ActorCriticRule {
    var settings = trajectorySettings
    if let descent { settings.descent = descent }
    let rule = try ActorCriticRule(
      trajectoryNetwork, configuration: ActorCriticConfiguration(trajectories: settings), batchMax: 8)
    parameters.withUnsafeBufferPointer { rule.importParameters(from: $0) }
    return rule
  }

  private func gradient(_ rule: ActorCriticRule, _ columns: TrajectoryColumns) throws -> [Float] {
    let (outcome, _) = try columns.differentiate(rule)
    #expect(outcome == .trained)
    return written(rule.parameterCount) { rule.exportGradients(to: $0) }
  }

  /// Σ N·g / Σ N over learners is the gradient of all their trajectories, with ends of episodes.
  @Test func meanOfLearnersIsOneLearner() throws {
    let rule = try actorCritic()
    let whole = try gradient(rule, columns)
    let parts = [0..<2, 2..<3, 3..<7]
    var sum = [Float](repeating: 0, count: whole.count)
    for part in parts {
      for (index, value) in try gradient(rule, columns[part]).enumerated() {
        sum[index] += value * Float(part.count) / 7
      }
    }
    #expect(largestDifference(sum, whole) < 1e-7)
  }

  @Test func whatAnEndsRowHoldsIsNotRead() throws {
    let rule = try actorCritic()
    let whole = try gradient(rule, columns)
    var others = columns
    for row in others.flags.indices where others.flags[row] & 2 != 0 {
      others.action[row] = 77
      others.reward[row] = .nan
      others.logProbability[row] = .nan
    }
    // Row T only bootstraps.
    for row in stride(from: columns.steps, to: others.reward.count, by: columns.rows) {
      others.action[row] = -9
      others.reward[row] = 1e30
      others.logProbability[row] = .infinity
    }
    let found = try gradient(rule, others)
    #expect(found == whole)
  }

  /// Rows before the steps change nothing, whatever they hold.
  @Test(arguments: [1, 3]) func contextIsNotTrainedOn(rows: Int) throws {
    var settings = trajectorySettings
    settings.contextSteps = rows
    func gradients(_ settings: TrajectorySettings, _ columns: TrajectoryColumns) throws -> [[Float]] {
      let actorCritic = try ActorCriticRule(
        trajectoryNetwork, configuration: ActorCriticConfiguration(trajectories: settings), batchMax: 8)
      let policyGradient = try PolicyGradientRule(
        trajectoryNetwork, configuration: PolicyGradientConfiguration(trajectories: settings), batchMax: 8)
      func gradient(_ rule: some LearningRule) throws -> [Float] {
        parameters.withUnsafeBufferPointer { rule.importParameters(from: $0) }
        let (outcome, _) = try columns.differentiate(rule)
        #expect(outcome == .trained)
        return written(rule.parameterCount) { rule.exportGradients(to: $0) }
      }
      return [try gradient(actorCritic), try gradient(policyGradient)]
    }
    let expected = try gradients(trajectorySettings, columns)
    let found = try gradients(settings, columns.withContext(rows))
    for (one, other) in zip(expected, found) { #expect(largestDifference(one, other) < 1e-7) }
  }

  @Test func wrongColumnsAreRefused() throws {
    let rule = try actorCritic()
    var wrong = columns
    wrong.action[1] = 3
    #expect(throws: BatchError.action(3, row: 1, actions: 3)) { _ = try wrong.differentiate(rule) }
    wrong = columns
    wrong.steps = 6
    wrong.weight = nil
    #expect(throws: BatchError.self) { _ = try wrong.differentiate(rule) }
  }

  @Test func rowsAtFaultAreFound() throws {
    let rule = try actorCritic()
    var wrong = columns
    wrong.reward[2 * columns.rows] = .nan
    wrong.logProbability[6 * columns.rows] = .nan
    let (outcome, _) = try wrong.differentiate(rule)
    #expect(outcome == .notFinite)
    var priorities = [Float](repeating: .nan, count: columns.count)
    try wrong.withBatch { batch in
      try priorities.withUnsafeMutableBufferPointer { try rule.markRowsAtFault(batch, priorities: $0) }
    }
    #expect(priorities.indices.filter { !priorities[$0].isNaN } == [2, 6])
    #expect(priorities[2] == .infinity)
    #expect(rule.parameters() == parameters, "nothing has changed")
  }

  @Test func importedGradientsAreClippedAndApplied() throws {
    let (one, other) = (try actorCritic(), try actorCritic())
    let gradients = try gradient(one, columns)
    one.applyGradients()
    let norm = gradients.withUnsafeBufferPointer { other.importGradients(from: $0) }
    #expect(norm == one.metrics[1])
    other.applyGradients()
    #expect(one.parameters() == other.parameters())
    let step = zip(one.parameters(), parameters).map { ($0 - $1) / -0.1 }
    let scale = min(1, 0.5 / (norm + 1e-6))
    #expect(largestDifference(step, gradients.map { $0 * scale }) < 1e-5)
  }

  @Test func stateGoesOnWhereItEnded() throws {
    let adam = GradientDescent(.adam(Adam()), learningRate: 0.01)
    let one = try actorCritic(adam)
    for _ in 0..<3 {
      _ = try gradient(one, columns)
      one.applyGradients()
    }
    let other = try actorCritic(adam)
    one.parameters().withUnsafeBufferPointer { other.importParameters(from: $0) }
    other.restore(one.state)
    #expect(other.state == one.state)
    #expect(Set(one.state.vectors.keys) == Set(one.stateNames.vectors + one.stateNames.optimizerVectors))
    for rule in [one, other] {
      _ = try gradient(rule, columns)
      rule.applyGradients()
    }
    #expect(one.parameters() == other.parameters())
    #expect(one.state.counters["adam_step"] == 4)
  }

  @Test func withoutVTraceBehaviourDoesNotMatter() throws {
    let settings = ActorCriticConfiguration(trajectories: trajectorySettings, vtrace: nil)
    let rule = try ActorCriticRule(trajectoryNetwork, configuration: settings, batchMax: 8)
    parameters.withUnsafeBufferPointer { rule.importParameters(from: $0) }
    let first = try gradient(rule, columns)
    var others = columns
    for row in others.logProbability.indices { others.logProbability[row] = -0.1 }
    let second = try gradient(rule, others)
    #expect(second == first)
    let corrected = try gradient(actorCritic(), columns)
    #expect(corrected != first)
  }
}
