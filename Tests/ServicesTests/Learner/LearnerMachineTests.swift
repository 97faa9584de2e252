// The learner's machine against a scripted replay and a scripted or a real parameter server.

import Algorithms
import Configuration
import Experience
import Foundations
import Testing
import Wire

@testable import Services

/// θ += 1 for each update; `isSound` judges a batch by its first observation.
final class CountingRule: LearningRule {
  let manifest = ServerHarness.manifest
  let batchMax = 2
  static let metricDescriptions = [(name: "mean", help: "The first parameter.")]
  private(set) var metrics: [Float] = [0]
  let stateNames = RuleStateNames(vectors: ["target"], counters: ["steps"])
  var values: [Float] = [0, 0]
  var target: [Float] = [-1, -1]
  var steps = 0
  var isSound: (Float) -> Bool = { _ in true }
  static let scheduledDescriptions = [(name: "rate", help: "A setting with a schedule.")]
  var scheduled: [Double] { [Schedule(.linear, from: 0, to: 10, over: 10).value(at: clock)] }
  var clock = RunClock()

  var state: RuleState { RuleState(vectors: ["target": target], counters: ["steps": steps]) }
  func restore(_ state: RuleState) {
    target = state.vectors["target"]!
    steps = state.counters["steps"]!
  }
  func exportParameters(to destination: UnsafeMutableBufferPointer<Float>) {
    _ = destination.update(fromContentsOf: values)
  }
  func importParameters(from source: UnsafeBufferPointer<Float>) { values = Array(source) }
  func adoptMilestone(_ parameters: UnsafeBufferPointer<Float>) { target = Array(parameters) }

  private func isSound(_ batch: ColumnBatch, _ row: Int) -> Bool {
    isSound(batch["observation"]!.loadUnaligned(fromByteOffset: row * 4, as: Float.self))
  }
  func computeGradients(
    _ batch: ColumnBatch, priorities: UnsafeMutableBufferPointer<Float>
  ) throws(BatchError) -> TrainingOutcome {
    for row in 0..<batch.count { priorities[row] = 7 }
    // A row of weight 0 is left out.
    let isTrained = (0..<batch.count).allSatisfy { batch.importanceWeights![$0] == 0 || isSound(batch, $0) }
    return isTrained ? .trained : .notFinite
  }
  func applyGradients() {
    steps += 1
    for index in values.indices { values[index] += 1 }
    metrics[0] = values[0]
  }
  func markRowsAtFault(
    _ batch: ColumnBatch, priorities: UnsafeMutableBufferPointer<Float>
  ) throws(BatchError) {
    for row in 0..<batch.count where !isSound(batch, row) { priorities[row] = .infinity }
  }
  func exportGradients(to destination: UnsafeMutableBufferPointer<Float>) {
    _ = destination.update(fromContentsOf: [Float(0.5), -0.25])
  }
  /// The updates in other processes that it was told of.
  private(set) var followed: [UInt64] = []
  func followParameters(updates: UInt64) { followed.append(updates) }
  func importGradients(from source: UnsafeBufferPointer<Float>) -> Float { 0 }
}

/// A learner with batches of two rows of one observation.
struct LearnerHarness {
  var machine: LearnerMachine
  let rule: CountingRule
  let replay = ScriptedSink()
  let parameters = ScriptedSink()
  let id: UInt64
  var request: UInt64 = 0

  init(
    _ id: UInt64 = 1, milestoneEvery: UInt64? = 4, resumed: ResumedLearner = ResumedLearner(),
    rule: CountingRule = CountingRule(), aggregation: Aggregation = .averaging(.rounds),
    staleness: StalenessBound? = nil, batchesMax: Int? = nil
  ) {
    self.id = id
    self.rule = rule
    var shard = SamplerMachine.Configuration(
      id: Fixtures.id(id), label: "l", table: Fixtures.table, batch: 2)
    shard.inFlight = 1
    var configuration = LearnerMachine.Configuration(batch: 2, fields: [Field("observation", .float32)])
    configuration.milestoneEvery = milestoneEvery
    configuration.staleness = staleness
    var shards = ShardedSampler.Configuration(sampler: shard)
    shards.batchesMax = batchesMax ?? (staleness == nil ? nil : 1)
    let member = MemberMachine.Configuration(
      id: Fixtures.id(id), label: "l", manifest: ServerHarness.manifest, aggregation: aggregation)
    machine = LearnerMachine(
      configuration: configuration, rule: rule,
      sampler: ShardedSampler(
        configuration: shards, generator: SeededGenerator(seed: 1),
        now: .at(0)),
      member: MemberMachine(configuration: member, now: .at(0)), resumed: resumed)
    machine.setShards([.service], now: .at(0), replay: replay)
    advance(0)
    receive {
      Welcome(
        incarnation: Fixtures.id(50), committed: 0, grant: Fixtures.grant(64), schema: nil,
        tables: [Fixtures.table]
      ).encode(into: $0)
    }
  }

  mutating func advance(_ milliseconds: Double) {
    machine.advance(to: .at(milliseconds), replay: replay, parameters: parameters)
  }

  private mutating func receive(_ encode: (FrameWriter) -> Void) {
    frame(encode).withUnsafeBytes {
      machine.receive($0, from: .service, now: .at(0), replay: replay)
    }
  }

  /// Delivers a batch of these observations. True if it was trained on.
  mutating func train(
    _ observations: [Float] = [1, 2], versions: [UInt64] = [1, 1], at milliseconds: Double = 1
  ) throws -> Bool {
    if let asked = replay.take().compactMap({ $0.sampleRequest?.request }).last { request = asked }
    let header = BatchHeader(
      request: request, draw: 1, part: 0, parts: 1, firstRow: 0, rows: 2, batchRows: 2, mass: 9, itemCount: 9)
    receive { writer in
      let places = Batch.reserve(writer, header, fields: [Field("observation", .float32)])
      for row in 0..<2 {
        writer.pointer(at: places.keys).storeBytes(of: UInt64(row), toByteOffset: row * 8, as: UInt64.self)
        writer.pointer(at: places.probabilities).storeBytes(of: 0.25, toByteOffset: row * 4, as: Float.self)
        writer.pointer(at: places.versions).storeBytes(
          of: versions[row], toByteOffset: row * 8, as: UInt64.self)
        writer.pointer(at: places.columns[0])
          .storeBytes(of: observations[row], toByteOffset: row * 4, as: Float.self)
      }
    }
    let before = rule.steps
    guard try machine.beginUpdate(now: .at(milliseconds)) else { return false }
    machine.endUpdate(at: .at(milliseconds), replay: replay, parameters: parameters)
    return rule.steps > before
  }

  /// The priorities that were written back since the last call.
  func priorities() -> [[Float]] {
    replay.frames.map { Sent(bytes: $0.bytes, peer: $0.peer) }.filter { $0.type == .priorities }.compactMap {
      $0.read { cursor in
        let update = try PriorityUpdate(from: &cursor)
        return (0..<update.priorities.count / 4).map {
          update.priorities.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self)
        }
      }
    }
  }

  mutating func publish(
    _ version: UInt64, _ values: [Float], updates: UInt64 = 0, clock: Double = 0, envSteps: UInt64 = 0,
    milestone: UInt64 = 1, topic: String = "all", incarnation: UInt64 = 99, merged: UInt64? = nil
  ) {
    values.withUnsafeBytes {
      let weights = Weights(
        topic: topic, version: version, incarnation: Fixtures.id(incarnation), updates: updates, clock: clock,
        envSteps: envSteps, milestone: milestone, oldestUpdate: 0, newestUpdate: 0,
        merged: merged.map { [Merged(learner: Fixtures.id(id).publicName, sequence: $0)] } ?? [],
        manifest: ServerHarness.manifest,
        values: $0)
      if topic.hasPrefix(Weights.topicMilestone) {
        machine.adoptMilestone(weights)
      } else {
        machine.adopt(weights)
      }
    }
  }
}

@Suite struct LearnerMachineTests {
  @Test func nothingIsTrainedBeforeTheTargetIsThere() throws {
    var learner = LearnerHarness()
    learner.publish(5, [9, 9], clock: 6, milestone: 3)
    #expect(try !learner.train())
    learner.publish(3, [2, 2], clock: 4, milestone: 3, topic: "milestone-me")
    #expect(learner.rule.target == [2, 2] && learner.rule.values == [9, 9])
    #expect(try learner.train())
  }

  /// A skipped publication held the milestone: it comes on its own topic, and is the same.
  @Test func aSkippedMilestoneIsTheVerySameTarget() throws {
    var (one, other) = (LearnerHarness(1), LearnerHarness(2))
    for version in 1...9 as ClosedRange<UInt64> {
      let (values, milestone) = ([Float(version), 0], version / 3 * 3)
      let clock = Double(version)
      one.publish(version, values, clock: clock, milestone: max(1, milestone))
      guard version % 2 == 1 else { continue }
      if version >= 3 {
        other.publish(milestone, [Float(milestone), 0], milestone: milestone, topic: "milestone")
      }
      other.publish(version, values, clock: clock, milestone: max(1, milestone))
      #expect(one.rule.target == other.rule.target && one.rule.target[0] == Float(max(1, milestone)))
    }
  }

  /// The kept milestone replaces an older target from a checkpoint.
  @Test func aResumedLearnerTakesTheKeptMilestone() throws {
    let rule = CountingRule()
    rule.restore(RuleState(vectors: ["target": [4, 4]], counters: ["steps": 10]))
    var learner = LearnerHarness(resumed: ResumedLearner(updates: 10), rule: rule)
    learner.publish(7, [8, 8], clock: 12, milestone: 6, topic: "all")
    #expect(rule.target == [4, 4])
    learner.publish(6, [5, 6], clock: 11, milestone: 6, topic: "milestone")
    #expect(rule.target == [5, 6] && learner.machine.statistics.updates == 10)
    #expect(try learner.train() && learner.machine.statistics.updates == 11)
  }

  /// Without milestones, a new learner's target is the first weights; a resumed learner keeps its
  /// own.
  @Test(arguments: [UInt64(0), 3]) func withoutMilestones(_ updates: UInt64) throws {
    var learner = LearnerHarness(milestoneEvery: nil, resumed: ResumedLearner(updates: updates))
    learner.publish(2, [3, 3], milestone: 0)
    #expect(learner.rule.target == (updates == 0 ? [3, 3] : [-1, -1]))
    learner.publish(3, [4, 4], milestone: 0)
    #expect(learner.rule.target == (updates == 0 ? [3, 3] : [-1, -1]))
    #expect(try learner.train())
  }

  /// After a divergence, published weights and milestones are no targets until they are restored.
  @Test func milestonesOfADivergenceAreNotTaken() throws {
    let rule = CountingRule()
    rule.restore(RuleState(vectors: ["target": [1, 1]], counters: ["steps": 3]))
    var rows = LeftOutRows()
    rows.isAfterDivergence = true
    var learner = LearnerHarness(
      resumed: ResumedLearner(updates: 3, leftOut: rows, lastGoodWeights: [2, 2]), rule: rule)
    learner.publish(8, [1e18, 1e18], clock: 9, milestone: 8, topic: "milestone")
    learner.publish(9, [1e18, 1e18], clock: 9, milestone: 8)
    #expect(rule.target == [1, 1] && rule.values == [2, 2])
    #expect(try learner.train(), "it does not wait for one either")
  }

  /// Schedules follow the clock of the weights, which a resumed learner gets with them.
  @Test func schedulesFollowThePublishedClock() throws {
    var learner = LearnerHarness(resumed: ResumedLearner(updates: 10))
    learner.publish(7, [0, 0], clock: 4, envSteps: 900, milestone: 7)
    #expect(learner.rule.clock == RunClock(updates: 4, envSteps: 900))
    #expect(learner.machine.telemetry(now: .at(1))["rate"] == 4)
    #expect(learner.machine.telemetry(now: .at(1))["weights_clock"] == 4)
    learner.publish(8, [0, 0], clock: 12.5, envSteps: 1000, milestone: 7)
    #expect(learner.machine.telemetry(now: .at(1))["rate"] == 10)
  }

  @Test func prioritiesComeFromTheRule() throws {
    var learner = LearnerHarness()
    learner.publish(1, [0, 0])
    #expect(try learner.train())
    #expect(learner.priorities() == [[7, 7]])
    #expect(learner.machine.telemetry(now: .at(1))["mean"] == 1)
  }

  @Test func rowsAtFaultAreLeftOut() throws {
    var learner = LearnerHarness()
    learner.rule.isSound = { $0 < 100 }
    learner.publish(1, [0, 0])
    #expect(try !learner.train([1, 200]))
    #expect(learner.priorities().flatMap { $0 }.allSatisfy { $0.isNaN }, "each keeps its priority for now")
    #expect(try learner.train([1, 200]), "the row is known")
    #expect(learner.priorities().first == [0], "the suspect, now that the weights have proved good")
    #expect(learner.priorities().last == [7, 0])
    #expect(learner.machine.faults.isUnsaved && learner.machine.statistics.rowsLeftOut == 1)
  }

  @Test func tenBatchesInARowAreADivergence() throws {
    var learner = LearnerHarness()
    learner.rule.isSound = { _ in false }
    learner.publish(1, [0, 0])
    for round in 0..<10 {
      #expect(!learner.machine.statistics.hasDiverged)
      _ = try learner.train([Float(round), Float(-round - 1)])
    }
    #expect(learner.machine.statistics.hasDiverged && learner.rule.steps == 0)
    #expect(learner.machine.takeNotices().last?.level == .error)
    #expect(try !learner.train(), "it has stopped for good")
    #expect(!learner.machine.hasCheckpoint)
  }

  @Test func rowsLeftOutAreNoTransitionsOfTheChange() throws {
    var learner = LearnerHarness()
    learner.rule.isSound = { $0 < 100 }
    learner.publish(1, [0, 0])
    frame { Joined(incarnation: Fixtures.id(99), index: 0, merged: 0, version: 1).encode(into: $0) }
      .withUnsafeBytes { learner.machine.receive($0, now: .at(0), parameters: learner.parameters) }
    _ = try learner.train([1, 200])
    for _ in 0..<2 { #expect(try learner.train([1, 200])) }
    #expect(try learner.train([1, 2]))
    _ = learner.parameters.take()
    learner.advance(2)
    let delta = try #require(learner.parameters.take().last { $0.type == .delta })
    let counts = delta.read { cursor in
      let delta = try Delta(from: &cursor)
      return [delta.updates, delta.transitions]
    }
    #expect(counts == [3, 4])
  }

  @Test func updatesAreCountedIntoTheChange() throws {
    var learner = LearnerHarness()
    learner.publish(1, [0, 0])
    frame { Joined(incarnation: Fixtures.id(99), index: 0, merged: 0, version: 1).encode(into: $0) }
      .withUnsafeBytes { learner.machine.receive($0, now: .at(0), parameters: learner.parameters) }
    for _ in 0..<5 { #expect(try learner.train()) }
    _ = learner.parameters.take()
    learner.advance(2)
    let delta = try #require(learner.parameters.take().last { $0.type == .delta })
    #expect(delta.read { try Delta(from: &$0).updates } == 5)
    #expect(delta.read { try Delta(from: &$0).transitions } == 10)
    #expect(
      learner.machine.takeNotices().contains { $0.text.contains("algorithm.target.every_updates") },
      "5 updates in one publication, and a target every 4")
  }
}
