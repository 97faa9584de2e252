// Keys and defaults that follow from the algorithm.

import Configuration
import Experience
import Foundations
import Testing

@Suite struct AlgorithmKeysTests {
  @Test func trajectoriesComeFromAQueue() throws {
    let text = "algorithm: {name: actor-critic, trajectory_steps: 7}\n"
    let run = try load(text).run
    #expect(run.algorithm.batch == 32 && run.algorithm.gradientClip == 0.5)
    #expect(run.learner.samplesInFlight == 1)
    let table = try #require(run.learnersTable)
    #expect(table.kind == .sequence && table.episodes == .cross)
    #expect(table.length == 8 && table.period == 7)
    #expect(table.isQueue && table.maxTimesSampled == 1)
    #expect(table.rateLimiter.samplesPerInsert == 1 && table.rateLimiter.minSize == 32)
    #expect(try load("algorithm: {name: dqn}\n").run == load("").run)
  }

  @Test func whatIsSetWinsOverTheAlgorithmsDefaults() throws {
    let text = """
      algorithm: {name: policy-gradient, batch: 5, gradient_clip: 3}
      learner: {samples_in_flight: 2}
      replay: {sampler: uniform, max_times_sampled: 0, rate_limiter: {samples_per_insert: 4, min_size: 50}}
      """
    let run = try load(text).run
    #expect(run.algorithm.batch == 5 && run.algorithm.gradientClip == 3)
    #expect(run.learner.samplesInFlight == 2)
    #expect(run.replay.sampler == .uniform && run.replay.maxTimesSampled == 0)
    #expect(run.replay.rateLimiter.samplesPerInsert == 4 && run.replay.rateLimiter.minSize == 50)
  }

  /// What is written and read again has every key, so no default matters.
  @Test(arguments: AlgorithmConfiguration.Name.allCases)
  func everyKeyReadsBack(name: AlgorithmConfiguration.Name) throws {
    var run = RunConfiguration()
    run.algorithm.name = name
    run.name = "my-run"
    run.algorithm.entropyCostSchedule(name)
    #expect(try load(run.yaml).run == run)
  }

  @Test(arguments: [
    (
      "dqn", "entropy_cost: 0.1",
      "'algorithm.entropy_cost' is a key of algorithm.name actor-critic or policy-gradient"
    ),
    ("dqn", "vtrace: {rho_max: 2}", "'algorithm.vtrace.rho_max' is a key of algorithm.name actor-critic"),
    ("actor-critic", "dueling: false", "'algorithm.dueling' is a key of algorithm.name dqn"),
    ("actor-critic", "target: {tau: 0.1}", "'algorithm.target.tau' is a key of algorithm.name dqn"),
    ("actor-critic", "gae: {lambda: 1}", "'algorithm.gae.lambda' is a key of algorithm.name policy-gradient"),
    (
      "policy-gradient", "vtrace: {enabled: false}",
      "'algorithm.vtrace.enabled' is a key of algorithm.name actor-critic"
    ),
    ("policy-gradient", "trajectory_steps: 0", "a whole number from 1"),
    ("actor-critic", "entropy_cots: 0.1", "did you mean 'algorithm.entropy_cost'?"),
  ])
  func keysOfOtherAlgorithmsAreRefused(name: String, key: String, expected: String) {
    let text = problems("algorithm:\n  name: \(name)\n  \(key)\n").joined(separator: "\n")
    #expect(text.contains(expected) && text.contains("my run.yaml:3"), "\(text)")
  }

  /// A layer by itself may have keys of the algorithm that another layer chooses.
  @Test func settingsMayBelongToTheFilesAlgorithm() throws {
    let settings = ["algorithm.entropy_cost=0.25", "algorithm.gae.lambda=0.5"]
    let variables = try EffectiveConfiguration.variables(for: settings)
    let run = try load("algorithm: {name: policy-gradient}\n", variables).run
    #expect(run.algorithm.trajectory.entropyCost == 0.25 && run.algorithm.gae.lambda == 0.5)
  }
}

extension AlgorithmConfiguration {
  /// A schedule where the algorithm has an entropy.
  fileprivate mutating func entropyCostSchedule(_ name: Name) {
    if name == .dqn { return }
    trajectory.entropyCost = Schedule(.linear, from: 0.02, to: 0, over: 1e5, by: .envSteps)
  }
}
