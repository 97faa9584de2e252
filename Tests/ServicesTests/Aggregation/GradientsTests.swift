// The server's side of shared gradients.

import Algorithms
import Configuration
import Experience
import Foundations
import Numerics
import TestSupport
import Testing
import Wire

@testable import Services

@Suite struct GradientsTests {
  private func server(
    _ aggregation: Aggregation, learners: ClosedRange<UInt64> = 1...2, milestoneEvery: UInt64? = nil
  ) -> ServerHarness {
    var server = ServerHarness(milestoneEvery: milestoneEvery, aggregation: aggregation)
    for id in learners { let _: Joined? = server.join(id) }
    return server
  }

  @Test func eachGradientMakesAStepAndIsAnsweredWithTheWeights() throws {
    var server = server(.gradients(learningRate: 0.5))
    #expect(server.updated(1, 1, base: 0, [2, -4]) == [Answered(1, 1, updates: 1, [-1, 2])])
    let first = try #require(server.published().first, "the last publication was long ago")
    #expect(first.version == 2 && first.updates == 1 && first.clock == 1 && first.values == [-1, 2])
    #expect(first.merged == [Merged(learner: Fixtures.id(1).publicName, sequence: 1)] && first.oldest == 10)
    #expect(
      server.updated(2, 1, base: 0, [2, 2], at: 1) == [Answered(2, 1, staleness: 1, updates: 2, [-2, 1])])
    #expect(server.published().isEmpty, "publications are for actors, and have their interval")
    let second = try #require(server.advance(20).first)
    #expect(second.version == 3 && second.updates == 2 && second.values == [-2, 1])
  }

  /// The answer was lost: the learner repeats the gradient, which has no effect, and gets the
  /// newest weights.
  @Test func aRepeatedGradientIsAnsweredAgain() {
    var server = server(.gradients())
    _ = server.updated(1, 1, base: 0, [1, 0])
    _ = server.updated(2, 1, base: 0, [0, 1])
    #expect(server.updated(1, 1, base: 0, [1, 0]) == [Answered(1, 1, updates: 2, [-1, -1])])
    #expect(server.machine.authority.counters.changesRepeated == 1)
    #expect(server.machine.authority.state.updates == 2)
  }

  @Test func eachGradientIsClippedByItself() {
    var server = server(.gradients(clip: 1))
    let values = server.updated(1, 1, base: 0, [3, 4]).first?.values ?? []
    #expect(abs(values[0] + 0.6) < 1e-5 && abs(values[1] + 0.8) < 1e-5)
    #expect(server.updated(2, 1, base: 1, [0.5, 0]).first?.values.first == values[0] - 0.5)
  }

  /// The step size follows the clock that all learners have.
  @Test func theLearningRateFollowsItsSchedule() {
    let schedule = Schedule(.linear, from: 1, to: 0, over: 4)
    var server = server(.gradients(learningRate: schedule), learners: 1...1)
    let values = (0..<5).compactMap { server.updated(1, $0 + 1, base: $0, [1, 0]).first?.values[0] }
    #expect(values == [-1, -1.75, -2.25, -2.5, -2.5])
  }

  @Test func whatIsWrongIsRefused() {
    var server = server(.gradients())
    func text(_ sent: [Sent]) -> String { sent.first?.refusal?.text ?? "nothing" }
    #expect(text(server.gradient(1, 1, base: 0, [.nan, 0])).contains("a diverged learner's gradient"))
    #expect(text(server.gradient(1, 1, base: 0, [2e12, 0])).contains("within ±1e+12"))
    #expect(text(server.gradient(1, 1, base: 0, [1, 0], rows: 0)).contains("at least 1 row"))
    #expect(text(server.gradient(1, 1, base: 0, [1, 0], weightMax: 0)).contains("largest weight above 0"))
    #expect(text(server.gradient(1, 1, base: 7, [1, 0])) == "base: expected at most 0 updates, found 7")
    #expect(text(server.gradient(1, 1, base: 0, [1])).contains("expected 8 bytes, found 4"))
    #expect(text(server.gradient(3, 1, base: 0, [1, 0])).contains("join over this connection first"))
    #expect(server.delta(1, 1, [1, 1])?.text.contains("expected GRADIENT, found DELTA") == true)
    #expect(
      server.machine.authority.counters.changesRefused == 7 && server.machine.authority.state.updates == 0)
    var averaging = ServerHarness()
    let _: Joined? = averaging.join(1)
    #expect(text(averaging.gradient(1, 1, base: 0, [1, 0])).contains("expected DELTA, found GRADIENT"))
  }

  // MARK: Staleness

  /// Learner 1 computes on update 2 for long. Learner 2 makes two steps, and would make learner 1's
  /// gradient too stale by a third: it waits for the answer.
  @Test func aLearnerThatIsAheadWaitsForTheSlowest() {
    var server = server(.gradients(maxStaleness: 2))
    _ = server.updated(2, 1, base: 0, [0, 1])
    _ = server.updated(1, 1, base: 1, [1, 0])
    #expect(server.updated(2, 2, base: 1, [0, 1]).map(\.staleness) == [1])
    #expect(server.updated(2, 3, base: 3, [0, 1]).isEmpty, "not answered")
    #expect(server.machine.authority.merger.counters.waiting == 1)
    #expect(server.updated(2, 3, base: 3, [0, 1], at: 500).isEmpty, "nor when it is repeated")
    let answers = server.updated(1, 2, base: 2, [1, 0], at: 900)
    #expect(answers.map(\.learner) == [2, 1] && answers.map(\.staleness) == [0, 2])
    #expect(server.machine.authority.merger.counters.dropped == 0)
  }

  @Test func aSilentLearnerIsNotWaitedFor() {
    var server = server(.gradients(maxStaleness: 2))
    _ = server.updated(1, 1, base: 0, [1, 0])
    _ = server.updated(2, 1, base: 1, [0, 1])
    _ = server.updated(2, 2, base: 2, [0, 1])
    #expect(server.wait(until: 1990).isEmpty)
    #expect(server.machine.nextDeadline(now: .at(1990)) <= .at(2000))
    #expect(server.wait(until: 2000).map(\.learner) == [2])
    // It comes back, too late.
    _ = server.updated(2, 3, base: 3, [0, 1], at: 2001)
    #expect(server.updated(1, 2, base: 1, [1, 0], at: 2002).first?.outcome == .dropped)
    #expect(server.machine.authority.merger.counters.dropped == 1)
    #expect(server.machine.authority.state.values == [-1, -3])
  }

  /// However fast each learner is: no gradient is staler than the bound, none is dropped but
  /// perhaps a newcomer's first, and all go on.
  @Test(arguments: Seeds.list(count: 50))
  func noGradientIsStalerThanTheBound(seed: UInt64) {
    var draw = SeededGenerator(seed: seed, part: "staleness")
    let count = UInt64(1 + draw.below(5))
    let bound = UInt64(draw.below(8))
    var server = server(.gradients(maxStaleness: bound), learners: 1...count)
    // What each computes on, and when it will have its gradient; nil while it waits.
    var computing: [UInt64: (base: UInt64, ready: Double)] = [:]
    var sequences: [UInt64: UInt64] = [:]
    let slowness = (0...count).map { _ in Double(1 + draw.below(40)) }
    // The first gradients are computed one after the other.
    for id in 1...count { computing[id] = (UInt64.max, Double(id) / 100) }
    var (stalest, dropped) = (UInt64(0), 0)
    for _ in 0..<400 {
      guard let next = computing.min(by: { $0.value.ready < $1.value.ready }) else {
        Issue.record("no learner computes; \(Seeds.replay(seed))")
        return
      }
      computing[next.key] = nil
      sequences[next.key, default: 0] += 1
      let base = next.value.base == .max ? server.machine.authority.state.updates : next.value.base
      let now = next.value.ready
      for answer in server.updated(next.key, sequences[next.key]!, base: base, [1, 0], at: now) {
        if answer.outcome == .applied { stalest = max(stalest, answer.staleness) }
        if answer.outcome == .dropped, answer.sequence > 1 { dropped += 1 }
        computing[answer.learner] = (
          answer.updates, now + slowness[Int(answer.learner)] * (0.5 + draw.uniform())
        )
      }
    }
    #expect(stalest <= bound && dropped == 0, "\(Seeds.replay(seed))")
    #expect(sequences.count == Int(count) && sequences.values.allSatisfy { $0 > 1 }, "\(Seeds.replay(seed))")
  }

  @Test func lateGradientsAreDroppedOrScaledIfConfigured() {
    var dropping = server(.gradients(maxStaleness: 1, late: .drop))
    var scaling = server(.gradients(maxStaleness: 1, late: .scale))
    for step in 1...4 as ClosedRange<UInt64> {
      _ = dropping.updated(1, step, base: step - 1, [1, 0])
      _ = scaling.updated(1, step, base: step - 1, [1, 0])
    }
    #expect(
      dropping.updated(2, 1, base: 0, [0, 8]) == [
        Answered(2, 1, .dropped, staleness: 4, updates: 4, [-4, 0])
      ])
    #expect(
      dropping.updated(2, 2, base: 3, [0, 8]) == [Answered(2, 2, staleness: 1, updates: 5, [-4, -8])])
    #expect(
      scaling.updated(2, 1, base: 0, [0, 8]) == [Answered(2, 1, staleness: 4, updates: 5, [-4, -2])])
    #expect(dropping.machine.authority.merger.counters.dropped == 1)
    #expect(dropping.machine.authority.counters.changesMerged == 5)
    #expect(scaling.machine.authority.merger.counters.scaled == 1)
  }

  // MARK: Synchronous

  /// 2 rows of largest weight 4 and 6 of weight 1: as one batch of 8 rows, whose largest weight
  /// is 4.
  @Test func aQuorumMakesOneStepAsOneBatchWould() {
    for isReversed in [false, true] {
      var server = server(.gradients(.synchronous(.share(1))))
      let first = isReversed ? (2 as UInt64) : 1
      func send(_ id: UInt64) -> [Answered] {
        id == 1
          ? server.updated(1, 1, base: 0, [8, 0], rows: 2, weightMax: 4)
          : server.updated(2, 1, base: 0, [0, 16], rows: 6, weightMax: 1)
      }
      #expect(send(first).isEmpty, "the update waits for the other")
      let answers = send(3 - first)
      #expect(answers.map(\.learner) == [first, 3 - first])
      #expect(answers.allSatisfy { $0.updates == 1 && $0.values == [-2, -3] })
      #expect(server.published().first?.clock == 1)
    }
  }

  @Test func whatMissesItsStepCountsInTheNext() {
    var server = server(.gradients(.synchronous(.count(1))))
    #expect(server.updated(1, 1, base: 0, [1, 0]).map(\.updates) == [1])
    #expect(
      server.updated(2, 1, base: 0, [0, 1]) == [Answered(2, 1, staleness: 1, updates: 2, [-1, -1])])
    var dropping = self.server(.gradients(.synchronous(.count(1)), late: .drop))
    _ = dropping.updated(1, 1, base: 0, [1, 0])
    #expect(
      dropping.updated(2, 1, base: 0, [0, 1])
        == [Answered(2, 1, .dropped, staleness: 1, updates: 1, [-1, 0])])
  }

  /// A learner that is gone in the middle of an update: it is made without it within 2 s. A
  /// gradient that it has sent counts.
  @Test func aStepEndsWithoutASilentLearner() {
    var server = server(.gradients(.synchronous(.share(1))), learners: 1...3)
    #expect(server.updated(1, 1, base: 0, [3, 0], at: 10).isEmpty)
    #expect(server.updated(3, 1, base: 0, [0, 3], at: 10).isEmpty)
    server.goodbye(3)
    #expect(server.wait(until: 1999).isEmpty)
    #expect(server.wait(until: 2000) == [Answered(1, 1, updates: 1, [-1.5, -1.5])])
    #expect(server.updated(1, 2, base: 1, [1, 1], at: 2100).map(\.updates) == [2], "it is alone now")
    #expect(server.gradient(3, 2, base: 1, [1, 1], at: 2101).first?.refusal?.code == .unknownPeer)
    #expect(server.updated(2, 1, base: 0, [1, 1], at: 2200).isEmpty, "two again: learner 1 is waited for")
  }

  @Test(arguments: [(Quorum.count(2), 3, 2), (.count(5), 3, 3), (.share(0.5), 3, 2), (.share(0.67), 3, 3)])
  func quorumsAreOfThoseThatAreThere(quorum: Quorum, present: Int, expected: Int) {
    #expect(quorum.members(of: present) == expected)
    #expect(quorum.members(of: 1) == 1 && quorum.members(of: 0) == 1)
  }

  // MARK: Milestones, restarts, divergence

  /// A milestone is the update that reaches the multiple, and is published at once.
  @Test func milestonesAreExact() {
    var server = server(.gradients(), learners: 1...1, milestoneEvery: 3)
    var milestones: [Published] = []
    for step in 1...7 as ClosedRange<UInt64> {
      _ = server.updated(1, step, base: step - 1, [1, 0])
      milestones += server.published().filter { $0.topic == Weights.topicMilestone }
    }
    #expect(milestones.map(\.clock) == [3, 6] && milestones.map { $0.values[0] } == [-3, -6])
  }

  /// The optimizer's moments are saved with the weights, so a restarted server goes on as if
  /// nothing had happened.
  @Test func aRestartGoesOnFromOneState() throws {
    let adam = Aggregation.gradients(.asynchronous, .adam(Adam()), learningRate: 0.125)
    var (one, other) = (server(adam, learners: 1...1), server(adam, learners: 1...1))
    for step in 1...3 as ClosedRange<UInt64> {
      _ = one.updated(1, step, base: step - 1, [Float(step), -1])
      _ = other.updated(1, step, base: step - 1, [Float(step), -1])
    }
    other.machine.finish(now: .at(1))
    let saved = try #require(other.machine.authority.store.last)
    #expect(saved.vectors.map(\.name) == ["adam.m", "adam.v"] && saved.vectors[0].number == 3)
    other = ServerHarness(state: saved, incarnation: 98, aggregation: adam)
    let _: Joined? = other.join(1)
    #expect(other.updated(1, 3, base: 3, [3, -1], of: 99).map(\.updates) == [3], "its update was saved")
    let values = (one.updated(1, 4, base: 3, [4, 1]), other.updated(1, 4, base: 3, [4, 1], of: 99))
    #expect(values.0 == values.1 && values.0.count == 1)
  }

  /// Killed after publications that were not saved: versions never repeat, and what is lost is
  /// counted.
  @Test func versionsNeverRepeatAndLostUpdatesAreCounted() throws {
    let parameters = 4 << 20
    let manifest = WeightsManifest(tensors: [TensorSpec(name: "w", shape: [parameters])])
    var configuration = ParameterServerConfiguration(aggregation: .gradients())
    configuration.publishEvery = .milliseconds(1)
    func start(_ state: ParameterState, _ incarnation: UInt64) -> ServerHarness.Machine {
      ServerHarness.Machine(
        configuration: configuration, incarnation: Fixtures.id(incarnation), state: state,
        store: MemoryParameterStore(), now: .at(0))
    }
    let initial = ParameterState(
      version: 1, updates: 0, merged: [], manifest: manifest, values: [Float](repeating: 0, count: parameters)
    )
    let sink = ScriptedSink()
    func run(_ machine: inout ServerHarness.Machine, gradients: ClosedRange<UInt64>, base: UInt64, of: UInt64)
    {
      let join = frame { Join(id: Fixtures.id(1), label: "l", manifest: manifest).encode(into: $0) }
      join.withUnsafeBytes { machine.receive($0, from: PeerID(number: 1), now: .at(0), sink: sink) }
      let values = [Float](repeating: 1, count: parameters)
      for sequence in gradients {
        let bytes = values.withUnsafeBytes { values in
          frame {
            Gradient(
              id: Fixtures.id(1), sequence: sequence, incarnation: Fixtures.id(of),
              base: base + sequence - gradients.lowerBound, rows: 1, weightMax: 1, madeAt: 1, values: values
            ).encode(into: $0)
          }
        }
        bytes.withUnsafeBytes {
          machine.receive($0, from: PeerID(number: 1), now: .at(Double(sequence * 2)), sink: sink)
        }
      }
    }
    func versions() -> [UInt64] {
      sink.takePublications().compactMap { sent in
        sent.read { try Weights(from: &$0).version }
      }
    }
    var machine = start(initial, 99)
    run(&machine, gradients: 1...5, base: 0, of: 99)
    let before = versions()
    let saved = try #require(machine.authority.store.last)
    #expect(before == [2, 3, 4, 5, 6] && saved.version == 2, "16 MB are saved three times a second")
    machine = start(saved, 98)
    #expect(machine.authority.state.version > 6 && machine.authority.state.updates == 1)
    #expect(machine.authority.store.last?.version == machine.authority.state.version)
    run(&machine, gradients: 5...6, base: 5, of: 99)
    #expect(versions().allSatisfy { $0 > 6 })
    #expect(machine.authority.merger.counters.updatesLost == 4)
    #expect(machine.authority.state.updates == 3 && machine.authority.state.values[0] == -3)
    machine.finish(now: .at(100))
    #expect(machine.authority.store.last?.reserved == 0)
  }

  /// Weights that are restored after a divergence are set at once, and the optimizer begins
  /// again at zero.
  @Test func restoredWeightsReplaceThoseThatDiverged() {
    var server = server(.gradients(.asynchronous, .sgd(SGD(momentum: 0.5))), learners: 1...1)
    _ = server.updated(1, 1, base: 0, [1e6, 0])
    _ = server.published()
    #expect(server.delta(1, 2, restores: true, [1e6, 5], at: 30) == nil)
    let published = server.published().first
    #expect(published?.values == [0, 5] && published?.merged.first?.sequence == 2)
    #expect(server.machine.authority.state.vectors.map(\.values) == [[0, 0]])
  }

  @Test func momentsOfAnotherOptimizerAreDropped() {
    func notice(_ optimizer: Optimizer, _ names: [String]) -> String? {
      var state = ParameterState(
        version: 7, updates: 6, merged: [], manifest: ServerHarness.manifest, values: [0, 0])
      state.vectors = names.map { StateVector(name: $0, number: 6, values: [1, 2]) }
      let text = Aggregation.gradients(.asynchronous, optimizer).merger(parameters: 2).prepare(&state)
      #expect(state.vectors.map(\.name) == optimizer.vectorNames)
      return text
    }
    #expect(notice(.adam(Adam()), ["adam.m", "adam.v"]) == nil)
    #expect(notice(.sgd(SGD()), []) == nil)
    let text = notice(.rmsprop(RMSProp()), ["adam.m", "adam.v"])
    #expect(text?.contains("expected rmsprop.v beside the saved weights, found adam.m and adam.v") == true)
  }
}
