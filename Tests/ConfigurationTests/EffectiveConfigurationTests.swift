// Layers, refusals and the way back to text.

import Configuration
import Testing

@Suite struct EffectiveConfigurationTests {
  @Test func defaults() throws {
    let effective = try EffectiveConfiguration(file: nil)
    #expect(effective.run == RunConfiguration())
    #expect(effective.run.conflicts.isEmpty)
    #expect(effective.entries.allSatisfy { $0.source == .standard })
    #expect(try load("").run.name == "my-run")
  }

  @Test func laterLayersWin() throws {
    let text = "seed: 2\nreplay:\n  rate_limiter: {min_size: 100}\n  capacity: 9000\nactor:\n"
    let variables = [
      "ROOKERY_REPLAY__RATE_LIMITER__MIN_SIZE": "200", "ROOKERY_REPLAY__CAPACITY": "",
      "ROOKERY_REPLAY_ADDRESS": "tcp://x:1", "ROOKERY_SEED": "3", "HOME": "/",
      "ROOKERY_ALGORITHM__HIDDEN": "[32]",
    ]
    let effective = try load(text, variables, ["seed=4", "actor.when_blocked=drop_oldest", "seed=5"])
    #expect(effective.run.seed == 5)
    #expect(effective.run.replay.rateLimiter.minSize == 200)
    #expect(effective.run.replay.capacity == 9000)
    #expect(effective.run.actor.whenBlocked == .dropOldest)
    #expect(effective.run.algorithm.hidden == [32])
    let sources = Dictionary(uniqueKeysWithValues: effective.entries.map { ($0.key, $0.source.description) })
    #expect(sources["seed"] == "--set seed=5")
    #expect(sources["replay.rate_limiter.min_size"] == "env ROOKERY_REPLAY__RATE_LIMITER__MIN_SIZE")
    #expect(sources["replay.capacity"] == "my run.yaml:4")
    #expect(sources["replay.sampler"] == "default")
    #expect(sources["name"] == "name of my run.yaml")
    #expect(effective.show.contains("\nreplay.capacity: 9000"))
  }

  @Test func settingsAsVariables() throws {
    let settings = [
      "replay.storage=file", "seed=5", "algorithm.hidden=[64,64]", "environment.python=\"\"", "seed=7",
      "environment.arguments.gravity=-5",
    ]
    let variables = try EffectiveConfiguration.variables(for: settings)
    #expect(variables["ROOKERY_SEED"] == "7" && variables["ROOKERY_ENVIRONMENT__ARGUMENTS__GRAVITY"] == "-5")
    let text = "environment: {python: python3}\n"
    #expect(try load(text, variables).run == load(text, [:], settings).run)
    for (setting, expected) in [
      ("replay.storge=file", "did you mean 'replay.storage'"),
      ("algorithm.target.every_versions=10", "it is now called 'algorithm.target.every_updates', in updates"),
      ("replay.capacity=many", "a whole number"),
      ("replay.capacity", "key=value"), ("environment.python=", "found nothing"),
      ("environment.arguments.Gravity=5", "a key in small letters"),
      ("environment.arguments.a__b=5", "without two underscores"),
    ] {
      do {
        _ = try EffectiveConfiguration.variables(for: [setting])
        Issue.record("\(setting) was taken")
      } catch {
        #expect("\(error)".contains(expected), "\(error)")
      }
    }
  }

  @Test func allProblemsAtOnce() {
    let found = problems(
      "replay:\n  capacty: 5\n  sampler: unifrm\nalgorithm: {n_step: 0, batch: many}\nactor: 5\nseed: {a: 1, b: 2}\n",
      ["ROOKERY_ACTOR__REPLCAS": "3"], ["learner.replicas", "batch=3"])
    #expect(found.count == 9)
    func expect(_ text: String) {
      #expect(found.contains { $0.contains(text) }, "\(text) not in \(found)")
    }
    expect("my run.yaml:2:3: expected a known key, found 'replay.capacty'; did you mean 'replay.capacity'?")
    expect(
      "my run.yaml:3:12: replay.sampler: expected one of prioritized, rank, uniform, fifo, lifo, min_heap, max_heap, found unifrm; did you mean 'uniform'?"
    )
    expect(
      "my run.yaml:4:21: algorithm.n_step: expected a whole number from 1 to 1000, found 0; write for example n_step: 3"
    )
    expect("my run.yaml:4:31: algorithm.batch: expected a whole number")
    expect("my run.yaml:5:8: actor: expected a section with keys of its own, found 5; its keys are replicas,")
    expect("my run.yaml:6:8: seed: expected one value")
    expect(
      "env ROOKERY_ACTOR__REPLCAS: expected a known key, found 'actor.replcas'; did you mean ROOKERY_ACTOR__REPLICAS?"
    )
    expect("--set learner.replicas: expected key=value")
    expect("--set batch=3: expected a known key, found 'batch'; did you mean 'algorithm.batch'?")
  }

  @Test(arguments: [
    ("replay: {capacity: 3000}\nalgorithm: {batch: 4000}", "replay.capacity", "a batch"),
    ("replay: {capacity: 1999}\nactor: {message_steps: 100}", "replay.capacity", "at least 2000: twice"),
    ("replay: {capacity: 2001}\nactor: {message_steps: 2002}", "replay.capacity", "a message"),
    ("replay: {rate_limiter: {min_size: 63}}", "replay.rate_limiter.min_size", "at least 64"),
    ("replay: {max_items: 999}", "replay.max_items", "at least 1000"),
    ("replay: {remover: max_heap}", "replay.remover", "set replay.max_items"),
    (
      "replay: {sampler: fifo, max_times_sampled: 1, rate_limiter: {samples_per_insert: 0.5}}",
      "replay.rate_limiter.samples_per_insert", "0 or 1, as with fifo"
    ),
    (
      "replay: {sampler: fifo, max_times_sampled: 1, max_items: 1558, rate_limiter: {samples_per_insert: 0}}",
      "replay.max_items", "at least 1559, as a queue"
    ),
    ("replay: {rate_limiter: {error_buffer: 4479}}", "replay.rate_limiter.error_buffer", "deadlocks"),
    ("replay: {max_times_sampled: 7}", "replay.max_times_sampled", "deadlocks"),
    (
      "aggregation: {mode: asynchronous, outer: {momentum: 0.9}}", "aggregation.outer.momentum",
      "expected 0 with aggregation.mode asynchronous"
    ),
    (
      "aggregation: {mode: asynchronous, outer: {learning_rate: 0.5}}", "aggregation.outer.learning_rate",
      "remove the key, or set aggregation.kind to averaging and aggregation.mode to rounds"
    ),
    (
      "aggregation: {kind: gradients, mode: rounds}", "aggregation.mode",
      "expected asynchronous or synchronous with aggregation.kind gradients, found rounds"
    ),
    (
      "aggregation: {mode: synchronous}", "aggregation.mode",
      "expected rounds or asynchronous with aggregation.kind averaging"
    ),
    (
      "aggregation: {kind: gradients, outer: {momentum: 0.9}}", "aggregation.outer.momentum",
      "expected 0 with aggregation.mode asynchronous"
    ),
    (
      "aggregation: {kind: gradients, late: carry}", "aggregation.late",
      "expected wait or scale or drop with aggregation.mode asynchronous, found carry"
    ),
    (
      "aggregation: {kind: gradients, mode: synchronous, late: wait}", "aggregation.late",
      "expected carry or drop with aggregation.mode synchronous, found wait"
    ),
    ("aggregation: {late: drop}", "aggregation.late", "no delta is late"),
    ("aggregation: {max_staleness: 5}", "aggregation.max_staleness", "which has no gradients"),
    (
      "aggregation: {kind: gradients, quorum: 2}", "aggregation.quorum",
      "expected no value unless gradients are synchronous, found 2"
    ),
    ("evaluator: {confirm_threshold: 5}", "evaluator.confirm_threshold", "evaluator.threshold"),
  ])
  func impossibleTogether(text: String, key: String, reason: String) {
    let found = problems(text)
    #expect(
      found.contains { $0.hasPrefix("my run.yaml:1:") && $0.contains(key) && $0.contains(reason) }, "\(found)"
    )
  }

  @Test func environmentArgumentsMayHaveAnyName() throws {
    let text = "environment:\n  arguments:\n    continuous: no\n    a: {b: [1, 2.5], c: x}\n    s: '1'\n"
    let effective = try load(
      text, [:], ["environment.arguments.gravity=-5", "environment.arguments.continuous=false"])
    let found = effective.run.environment.arguments.map { "\($0.name)=\($0.value)" }
    #expect(found == ["a.b=[1, 2.5]", "a.c=\"x\"", "continuous=false", "gravity=-5", "s=\"1\""])
    #expect(try load(effective.run.yaml).run.environment == effective.run.environment)
    #expect(
      problems("environment: {arguments: {'a b': 1}}").first?.contains("the name of a keyword argument")
        == true)
    #expect(problems("environment: {arguments: 3}").first?.contains("a section with keys of its own") == true)
    #expect(try load("environment: {arguments: {}}").run.environment.arguments.isEmpty)
    let native = problems("environment: {backend: native, arguments: {gravity: 3}}")
    #expect(
      native.count == 1 && native[0].contains("environment.arguments.gravity: expected no arguments"),
      "\(native)")
  }

  @Test func factsAreFilledIn() throws {
    let effective = try load("environment: {id: X-v0}\nseed: 3")
    var environment = effective.run.environment
    environment.observationShape = [8]
    environment.actions = 4
    let filled = effective.replacing(environment: environment)
    #expect(filled.run.environment == environment && filled.run.seed == 3)
    #expect(filled.entries.first { $0.key == "environment.actions" }?.value == "4")
    #expect(filled.entries.first { $0.key == "seed" }?.source.description == "my run.yaml:2")
  }

  @Test func aConflictIsReportedWhereItsCauseStands() {
    let found = problems("seed: 1\nalgorithm:\n  batch: 2000\n")
    #expect(
      found.count == 1 && found[0].hasPrefix("my run.yaml:3:10: replay.rate_limiter.min_size"), "\(found)")
    #expect(
      problems("", [:], ["actor.message_steps=300000"]).first?.hasPrefix("--set actor.message_steps=300000")
        == true)
  }

  @Test func aVariableThatMissesAnUnderscoreIsNotIgnored() {
    let found = problems("", ["ROOKERY_REPLAY_CAPACITY": "777"])
    #expect(found.count == 1 && found[0].contains("ROOKERY_REPLAY__CAPACITY"), "\(found)")
    #expect(
      problems("", ["ROOKERY_REPLAY_ADDRESS": "tcp://127.0.0.1:1", "ROOKERY_REPLAY_CAPACITY": ""]).isEmpty)
  }

  @Test func aRefusedValueCausesNoConflict() {
    let found = problems("replay: {rate_limiter: {min_size: 10}}\nalgorithm: {batch: few}")
    #expect(found.count == 1 && found[0].contains("algorithm.batch"), "\(found)")
  }

  @Test func exactBoundsPass() {
    #expect(problems("replay: {rate_limiter: {error_buffer: 4480}}").isEmpty)
    #expect(problems("aggregation: {mode: asynchronous, outer: {momentum: 0, learning_rate: 1}}").isEmpty)
    #expect(problems("aggregation: {outer: {momentum: 0.999, learning_rate: 10}}").isEmpty)
    #expect(problems("replay: {max_times_sampled: 8, max_items: 1000}").isEmpty)
    #expect(
      problems("replay: {max_items: 1000, remover: rank, priority_max: 5, actor_share_max: 0.5}").isEmpty)
    #expect(
      problems(
        "replay: {sampler: fifo, max_times_sampled: 1, max_items: 1559, rate_limiter: {samples_per_insert: 0}}"
      ).isEmpty)
    #expect(problems("replay: {rate_limiter: {samples_per_insert: 0, error_buffer: 1}}").isEmpty)
  }

  @Test(arguments: [
    "name: a/b", "name: ..", "seed: -1", "seed: 1.5", "algorithm: {discount: 1.01}",
    "algorithm: {hidden: [64, x]}",
    "algorithm: {hidden: 64}", "algorithm: {dueling: yes}", "algorithm: {learning_rate: 0}",
    "stop: {seconds: -1}",
    "environment: {id: }", "evaluator: {threshold: high}", "[1, 2]", "just text",
  ])
  func wrongValues(text: String) {
    #expect(problems(text).count == 1, "\(problems(text))")
  }

  @Test func theComputedErrorBufferCannotDeadlock() {
    var run = RunConfiguration()
    #expect(run.errorBuffer == 8 * (512 + 48))
    run.learner.replicas = 100
    #expect(run.errorBuffer == 64 * 4 * 100)
    run.replay.rateLimiter.minSize = 1_000_000
    #expect(run.errorBuffer == 800_000)
    run.replay.rateLimiter.errorBuffer = 5
    #expect(run.errorBuffer == 5)
  }

  @Test func memoryIsCheckedAgainstTheMachine() throws {
    let effective = try load("replay:\n  capacity: 1000000\n")
    try effective.check(memoryBytes: 100, available: 100)
    do {
      try effective.check(memoryBytes: 28_000_000_000, available: 14_000_000_000)
      Issue.record("accepted")
    } catch {
      let text = error.description
      #expect(text.hasPrefix("my run.yaml:2:13: replay.capacity: expected at most 14.0 GB"))
      #expect(text.contains("1000000 steps = 28.0 GB") && text.contains("lower it to 450000"))
    }
    try effective.check(memoryBytes: 7_000_000_000, shards: 2, available: 14_000_000_000)
    do {
      try effective.check(memoryBytes: 7_000_000_000, shards: 4, available: 14_000_000_000)
      Issue.record("accepted")
    } catch {
      let text = error.description
      #expect(text.contains("1000000 steps in each of 4 shards = 28.0 GB") && text.contains("fewer shards"))
    }
    #expect(throws: ConfigurationError.self) {
      try effective.check(memoryBytes: 1 << 60, shards: 1000, available: .max - 1)
    }
  }

  @Test func aDottedKeyIsTheSameKey() {
    #expect(
      problems("replay: {capacity: 5000}\n'replay.capacity': 6000").first?.contains("each key once") == true)
  }

  @Test func theProcessHasVariables() {
    #expect(ProcessVariables.current()["PATH"]?.isEmpty == false)
  }
}
