// Estimates and gradients against python/fixtures/make_trajectories.py, across ends of episodes.

import Algorithms
import Experience
import Glibc
import Numerics
import Testing

@Suite struct TrajectoryGoldenTests {
  private let fixture: Fixture
  private let columns: TrajectoryColumns

  init() throws {
    fixture = try Fixture("trajectories", in: "trajectories")
    columns = TrajectoryColumns(fixture)
  }

  /// Calls `body` with each trajectory of the fixture, and joins what it writes.
  /// - Parameter rewardScale: its rewards are divided by this before.
  private func estimates(
    rewardScale: Float = 1,
    _ body: (Trajectory, _ row: Int, UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>) -> Void
  ) -> (targets: [Float], advantages: [Float]) {
    var all: (targets: [Float], advantages: [Float]) = ([], [])
    let values = fixture["values"]
    columns.reward.map { $0 / rewardScale }.withUnsafeBufferPointer { rewards in
      columns.flags.withUnsafeBufferPointer { flags in
        values.withUnsafeBufferPointer { values in
          for index in 0..<columns.count {
            let row = index * columns.rows
            var targets = [Float](repeating: .nan, count: columns.steps)
            var advantages = targets
            let trajectory = Trajectory(
              steps: columns.steps, discount: 0.9, rewardScale: rewardScale,
              rewards: rewards.baseAddress! + row,
              flags: flags.baseAddress! + row, values: values.baseAddress! + row)
            body(trajectory, row, &targets, &advantages)
            all.targets += targets
            all.advantages += advantages
          }
        }
      }
    }
    return all
  }

  @Test(arguments: [
    ("1_1_1", VTrace()), ("2_1_0.8", VTrace(rhoMax: 2, cMax: 1, lambda: 0.8)),
    ("0.5_0.3_1", VTrace(rhoMax: 0.5, cMax: 0.3)),
  ])
  func vtraceMatchesItsSums(name: String, vtrace: VTrace) {
    let logRatios = zip(fixture["ratios"], columns.logProbability).map { ratio, _ in logf(ratio) }
    let found = logRatios.withUnsafeBufferPointer { logRatios in
      estimates { vtrace.compute($0, logRatios: logRatios.baseAddress! + $1, targets: $2, advantages: $3) }
    }
    #expect(largestDifference(found.targets, fixture["vtrace_targets_\(name)"]) < 2e-6)
    #expect(largestDifference(found.advantages, fixture["vtrace_advantages_\(name)"]) < 2e-6)
  }

  @Test(arguments: [Float(0), 0.6, 1])
  func gaeMatchesItsSums(lambda: Float) {
    let found = estimates { trajectory, _, targets, advantages in
      GAE(lambda: lambda).compute(trajectory, targets: targets, advantages: advantages)
    }
    #expect(largestDifference(found.targets, fixture["gae_targets_\(lambda)"]) < 2e-6)
    #expect(largestDifference(found.advantages, fixture["gae_advantages_\(lambda)"]) < 2e-6)
  }

  /// Halved rewards at a scale of 2 are the same.
  @Test func rewardsAreScaled() {
    let zeros = [Float](repeating: 0, count: columns.steps)
    let found = [1, 2].map { scale in
      zeros.withUnsafeBufferPointer { zeros in
        estimates(rewardScale: scale) {
          VTrace().compute($0, logRatios: zeros.baseAddress!, targets: $2, advantages: $3)
        }
      }
    }
    #expect(found[0].targets == found[1].targets && found[0].advantages == found[1].advantages)
    let gae = [1, 2].map { scale in
      estimates(rewardScale: scale) { GAE(lambda: 0.6).compute($0, targets: $2, advantages: $3) }
    }
    #expect(gae[0].targets == gae[1].targets && gae[0].advantages == gae[1].advantages)
  }

  /// On-policy, V-trace's target is the n-step return, and so is that of GAE with λ = 1.
  @Test func onPolicyBothAreNStepReturns() {
    let zeros = [Float](repeating: 0, count: columns.steps)
    let vtrace = zeros.withUnsafeBufferPointer { zeros in
      estimates { VTrace().compute($0, logRatios: zeros.baseAddress!, targets: $2, advantages: $3) }
    }
    let gae = estimates { GAE(lambda: 1).compute($0, targets: $2, advantages: $3) }
    #expect(largestDifference(vtrace.targets, fixture["n_step"]) < 2e-6)
    #expect(largestDifference(gae.targets, fixture["n_step"]) < 2e-6)
    #expect(largestDifference(vtrace.advantages, gae.advantages) < 2e-6)
  }

  @Test func actorCriticsLossAndGradientMatch() throws {
    let vtrace = VTrace(rhoMax: 2, cMax: 1, lambda: 0.8)
    let rule = try ActorCriticRule(
      trajectoryNetwork,
      configuration: ActorCriticConfiguration(trajectories: trajectorySettings, vtrace: vtrace), batchMax: 9)
    try expect(rule, losses: "losses", gradient: "gradient")
    #expect(rule.metrics[5] > 0 && rule.metrics[5] < 1)
  }

  @Test func policyGradientsLossAndGradientMatch() throws {
    try expect(policyGradient(normalized: false), losses: "gae_losses", gradient: "gae_gradient")
    try expect(policyGradient(normalized: true), losses: nil, gradient: "normalized_gradient")
  }

  private func policyGradient(normalized: Bool) throws -> PolicyGradientRule {
    try PolicyGradientRule(
      trajectoryNetwork,
      configuration: PolicyGradientConfiguration(
        trajectories: trajectorySettings, gae: GAE(lambda: 0.6), normalizesAdvantages: normalized),
      batchMax: 7)
  }

  private func expect(_ rule: some LearningRule, losses: String?, gradient: String) throws {
    #expect(rule.manifest.tensors.map(\.name) == fixture.parameters.map(\.name))
    #expect(rule.manifest.tensors.map(\.shape) == fixture.parameters.map(\.shape))
    fixture["parameters"].withUnsafeBufferPointer { rule.importParameters(from: $0) }
    let (outcome, priorities) = try columns.differentiate(rule)
    #expect(outcome == .trained)
    #expect(priorities.allSatisfy { $0.isNaN })
    let found = written(rule.parameterCount) { rule.exportGradients(to: $0) }
    #expect(largestDifference(found, fixture[gradient]) < 3e-6)
    guard let losses else { return }
    let expected = fixture[losses]
    #expect(largestDifference(Array(rule.metrics[2...4]), expected) < 3e-6)
    #expect((rule.metrics[0] - (expected[0] + 0.7 * expected[1] - 0.03 * expected[2])).magnitude < 5e-6)
  }
}
