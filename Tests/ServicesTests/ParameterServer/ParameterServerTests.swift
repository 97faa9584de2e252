// The parameter server's machine with scripted learners.

import Configuration
import Experience
import Foundations
import Testing
import TestSupport
import Wire

@testable import Services

struct ServerHarness {
  typealias Machine = ParameterServerMachine<MemoryParameterStore>
  static let manifest = WeightsManifest(tensors: [TensorSpec(name: "w", shape: [2])])
  var machine: Machine
  let sink = ScriptedSink()

  init(
    mode: AggregationConfiguration.Mode = .rounds, state: ParameterState? = nil,
    store: MemoryParameterStore = MemoryParameterStore(),
    incarnation: UInt64 = 99, token: Identifier? = nil, milestoneEvery: UInt64? = nil,
    outer: OuterConfiguration = OuterConfiguration(), aggregation: Aggregation? = nil,
    republishFirst: Instant.Span? = nil
  ) {
    var configuration = ParameterServerConfiguration(
      aggregation: aggregation ?? .averaging(mode, outer: outer))
    configuration.token = token
    configuration.republishFirst = republishFirst
    configuration.milestoneEvery = milestoneEvery
    let initial = ParameterState(version: 1, updates: 0, merged: [], manifest: Self.manifest, values: [0, 0])
    machine = Machine(
      configuration: configuration, incarnation: Fixtures.id(incarnation), state: state ?? initial,
      store: store,
      now: .at(0))
  }

  /// Learner n uses connection n.
  mutating func receive(_ frame: [UInt8], at milliseconds: Double = 0, over peer: UInt64 = 1000) -> [Sent] {
    frame.withUnsafeBytes {
      machine.receive($0, from: PeerID(number: peer), now: .at(milliseconds), sink: sink)
    }
    return sink.take()
  }

  mutating func join(
    _ id: UInt64, at milliseconds: Double = 0, over peer: UInt64? = nil, token: Identifier? = nil
  ) -> Sent? {
    receive(
      frame { Join(id: Fixtures.id(id), token: token, label: "l", manifest: Self.manifest).encode(into: $0) },
      at: milliseconds, over: peer ?? id
    ).first
  }

  mutating func join(_ id: UInt64, at milliseconds: Double = 0) -> Joined? {
    (join(id, at: milliseconds, over: nil) as Sent?)?.joined
  }

  mutating func delta(
    _ id: UInt64, _ sequence: UInt64, updates: UInt64 = 1, transitions: UInt64? = nil, restores: Bool = false,
    _ values: [Float], at milliseconds: Double = 0, over peer: UInt64? = nil
  ) -> Refusal? {
    values.withUnsafeBytes { values in
      let delta = Delta(
        id: Fixtures.id(id), sequence: sequence, baseVersion: 1, updates: updates,
        transitions: transitions ?? updates, restores: restores, oldestUpdate: Int64(sequence) * 10,
        newestUpdate: Int64(sequence) * 10 + 5, values: values)
      return receive(frame { delta.encode(into: $0) }, at: milliseconds, over: peer ?? id).first?.refusal
    }
  }

  mutating func subscribed(_ notice: [UInt8]) {
    notice.withUnsafeBytes { machine.subscribed($0, sink: sink) }
  }

  mutating func goodbye(_ id: UInt64, over peer: UInt64? = nil) {
    _ = receive(frame { Goodbye(id: Fixtures.id(id)).encode(into: $0) }, over: peer ?? id)
  }

  @discardableResult
  mutating func report(
    _ id: UInt64, service: String = "learner", counters: [String: Double] = [:], at milliseconds: Double = 0,
    over peer: UInt64? = nil, token: Identifier? = nil
  ) -> Refusal? {
    let telemetry = Telemetry(
      id: Fixtures.id(id), token: token, service: service, label: "l\(id)", counters: counters)
    return receive(frame { telemetry.encode(into: $0) }, at: milliseconds, over: peer ?? id).first?.refusal
  }

  mutating func status(_ request: StatusRequest = StatusRequest(evaluationsKnown: 0)) -> Status? {
    receive(frame { request.encode(into: $0) }, over: 2000).first?.status
  }

  mutating func advance(_ milliseconds: Double) -> [Published] {
    machine.advance(to: .at(milliseconds), sink: sink)
    return published()
  }

  mutating func published() -> [Published] { sink.takePublications().compactMap(Published.init) }
}

/// A publication's fields, copied.
struct Published: Equatable {
  var topic: String
  var version: UInt64
  var updates: UInt64
  var clock: Double
  var envSteps: UInt64
  var milestone: UInt64
  var merged: [Merged]
  var values: [Float]
  var oldest: Int64
  var newest: Int64

  init?(_ sent: Sent) {
    let read = sent.read { cursor in
      let weights = try Weights(from: &cursor)
      let values = (0..<weights.values.count / 4).map {
        weights.values.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self)
      }
      return (
        weights.topic, weights.version, weights.updates, weights.clock, weights.envSteps, weights.milestone,
        weights.merged,
        values, weights.oldestUpdate,
        weights.newestUpdate
      )
    }
    guard let read else { return nil }
    (topic, version, updates, clock, envSteps, milestone, merged, values, oldest, newest) = read
  }
}

@Suite struct ParameterServerTests {
  /// A lost version comes again soon, then less and less often, up to once a second.
  @Test func aVersionIsPublishedAgain() throws {
    var server = ServerHarness(republishFirst: .milliseconds(10))
    _ = server.join(1) as Joined?
    _ = server.advance(20)
    #expect(server.delta(1, 1, [1, 1], at: 100) == nil)
    var times: [Double] = []
    for millisecond in stride(from: 100.0, through: 3000, by: 1) {
      let published = server.advance(millisecond)
      #expect(published.allSatisfy { $0.version == 2 })
      if published.contains(where: { $0.topic == Weights.topicAll }) { times.append(millisecond) }
    }
    #expect(
      Array(zip(times.dropFirst(), times).map { $0 - $1 }.prefix(8)) == [10, 20, 40, 80, 160, 320, 640, 1000])
  }

  @Test func aChangeIsMergedSavedAndPublished() throws {
    var server = ServerHarness()
    #expect(server.join(1) == Joined(incarnation: Fixtures.id(99), index: 0, merged: 0, version: 1))
    #expect(server.delta(1, 1, updates: 3, [1, -2]) == nil)
    let published = try #require(server.published().first, "the last publication was long ago")
    #expect(published.version == 2 && published.values == [1, -2] && published.updates == 3)
    #expect(published.merged == [Merged(learner: Fixtures.id(1).publicName, sequence: 1)])
    #expect(published.oldest == 10 && published.newest == 15)
    #expect(server.machine.authority.store.last == server.machine.authority.state)
  }

  /// The outer step's momentum is saved before each version is published.
  @Test func theMomentumIsSavedWithTheWeights() throws {
    var outer = OuterConfiguration()
    (outer.learningRate, outer.momentum) = (0.5, 0.5)
    var server = ServerHarness(outer: outer)
    _ = server.join(1)
    #expect(server.delta(1, 1, updates: 2, transitions: 64, [4, 8]) == nil)
    #expect(server.published().map(\.values) == [[3, 6]])
    #expect(server.machine.authority.store.last?.vectors.map(\.values) == [[4, 8]])
    var next = ServerHarness(state: server.machine.authority.store.last, incarnation: 98, outer: outer)
    _ = next.join(1)
    #expect(next.delta(1, 2, updates: 2, transitions: 64, [0, 0]) == nil)
    #expect(next.published().map(\.values) == [[3.5, 7]])
    #expect(next.machine.authority.notice == nil)
  }

  @Test func aRoundIsTheMeanWeightedByTransitions() throws {
    var server = ServerHarness()
    _ = server.join(1)
    _ = server.join(2)
    _ = server.delta(1, 1, [0, 0])
    _ = server.published()
    _ = server.delta(1, 2, updates: 1, [4, 0], at: 5)
    _ = server.delta(2, 1, updates: 3, [0, 8], at: 8)
    #expect(server.advance(19).isEmpty, "at most every 20 ms")
    let published = server.advance(20)
    #expect(published.map(\.values) == [[1, 6]])
    #expect(published.first?.updates == 5)
    #expect(published.first?.oldest == 10 && published.first?.newest == 25)
    #expect(Set(published[0].merged.map(\.sequence)) == [2, 1])
  }

  /// With one learner the clock is its updates; with two it grows by a round's mean, weighted as
  /// the deltas are.
  @Test func theClockCountsWhatTheWeightsHaveBeenThrough() throws {
    var server = ServerHarness()
    for id in 1...2 { _ = server.join(UInt64(id)) }
    _ = server.delta(1, 1, updates: 10, [0, 0])
    #expect(server.published().last?.clock == 10)
    _ = server.delta(1, 2, updates: 1, [4, 0], at: 5)
    _ = server.delta(2, 1, updates: 3, [0, 8], at: 8)
    let published = try #require(server.advance(20).last)
    #expect(published.clock == 12.5 && published.updates == 14, "10 + (1·1 + 3·3) / (1 + 3)")
  }

  /// Each multiple of C makes a milestone, which is kept across a restart.
  @Test func milestonesAreKeptUntilTheNext() throws {
    var server = ServerHarness(milestoneEvery: 10)
    _ = server.join(1)
    _ = server.delta(1, 1, updates: 6, [1, 0])
    #expect(server.published().map { [$0.version, $0.milestone] } == [[2, 1]])
    _ = server.delta(1, 2, updates: 6, [1, 0], at: 30)
    var published = server.published()
    #expect(published.map(\.topic) == ["milestone", "all"] && published.map(\.values) == [[2, 0], [2, 0]])
    #expect(published.allSatisfy { $0.version == 3 && $0.milestone == 3 && $0.clock == 12 })
    _ = server.delta(1, 3, updates: 7, [1, 0], at: 60)
    #expect(server.published().map { [$0.version, $0.milestone] } == [[4, 3]])
    server.subscribed([1] + Weights.subscription(topic: "milestone-me"))
    published = server.published()
    #expect(published.map(\.topic) == ["milestone-me"] && published[0].values == [2, 0])
    var next = ServerHarness(state: server.machine.authority.store.last, incarnation: 98, milestoneEvery: 10)
    next.subscribed([1] + Weights.subscription(topic: "milestone-me"))
    #expect(next.published().map { [$0.version, $0.milestone] } == [[3, 3]])
    // Passing several multiples at once makes one milestone.
    _ = next.join(1)
    _ = next.delta(1, 4, updates: 100, [1, 0], at: 90)
    #expect(next.published().map { [$0.version, $0.milestone] } == [[5, 5], [5, 5]])
  }

  @Test func aRoundWaitsALittleForAnActiveLearner() {
    var server = ServerHarness()
    for id in 1...2 { _ = server.join(UInt64(id)) }
    _ = server.delta(1, 1, [1, 1])
    _ = server.delta(2, 1, [1, 1], at: 1)
    _ = server.advance(25)
    _ = server.published()
    _ = server.delta(1, 2, [1, 1], at: 100)
    #expect(server.published().isEmpty, "learner 2 is active and has not contributed")
    #expect(server.machine.nextDeadline(now: .at(100)) == .at(110))
    #expect(server.advance(110).count == 1)
  }

  @Test func asynchronousChangesCountByTheirShareOfActiveUpdates() {
    var server = ServerHarness(mode: .asynchronous)
    for id in 1...2 { _ = server.join(UInt64(id)) }
    _ = server.delta(1, 1, updates: 1, [8, 0])
    #expect(server.published().map(\.values) == [[8, 0]])
    _ = server.delta(2, 1, updates: 3, [0, 8], at: 30)
    #expect(server.published().map(\.values) == [[8, 6]], "3 of 4 active updates")
  }

  @Test func aChangeCountsOnce() {
    var server = ServerHarness()
    _ = server.join(1)
    _ = server.delta(1, 1, [1, 1])
    _ = server.published()
    _ = server.delta(1, 1, [1, 1], at: 50)
    #expect(server.advance(90).isEmpty)
    #expect(server.machine.authority.state.values == [1, 1])
    #expect(server.machine.authority.counters.changesRepeated == 1)
  }

  @Test func aRestartedServerKnowsWhatItHas() {
    var server = ServerHarness()
    _ = server.join(1)
    _ = server.delta(1, 1, [1, 1])
    _ = server.published()
    _ = server.delta(1, 2, [5, 5], at: 1)
    // The server ends with delta 2 in an open round.
    var again = ServerHarness(
      state: server.machine.authority.store.last, store: server.machine.authority.store, incarnation: 100)
    #expect(again.delta(1, 2, [5, 5])?.code == .unknownPeer)
    #expect(again.join(1)?.merged == 1)
    _ = again.delta(1, 1, [1, 1])
    _ = again.delta(1, 2, [5, 5])
    let published = again.published()
    #expect(published.map(\.version) == [3] && published.map(\.values) == [[6, 6]])
  }

  @Test func whoLeavesInAnOpenRoundIsRemembered() {
    var server = ServerHarness()
    for id in 1...2 { _ = server.join(UInt64(id)) }
    _ = server.delta(2, 1, [0, 0])
    _ = server.published()
    _ = server.delta(1, 1, [4, 4], at: 1)
    server.goodbye(1)
    #expect(server.join(1, at: 2)?.merged == 1, "its delta is in the open round")
    _ = server.delta(1, 1, [4, 4], at: 3)
    let published = server.advance(60)
    #expect(published.map(\.values) == [[4, 4]])
    #expect(published.first?.merged.contains(Merged(learner: Fixtures.id(1).publicName, sequence: 1)) == true)
  }

  @Test func aMemberForgottenBeforeItsRoundClosesIsRemembered() {
    var server = ServerHarness()
    _ = server.join(1)
    _ = server.delta(1, 1, [1, 1])
    _ = server.published()
    _ = server.delta(1, 2, [1, 1], at: 1)
    // After a long stop of the process, the silence and the end of the round are noticed together.
    #expect(server.advance(9000).first?.merged == [Merged(learner: Fixtures.id(1).publicName, sequence: 2)])
    #expect(server.join(1, at: 9001)?.merged == 2)
  }

  @Test func unsoundChangesAreRefused() {
    var server = ServerHarness()
    _ = server.join(1)
    for value in [Float.nan, .infinity, -.infinity, 3e38] {
      #expect(server.delta(1, 1, [0, value])?.code == .invalid)
    }
    #expect(server.delta(1, 1, updates: 0, [1, 1])?.code == .invalid)
    #expect(server.delta(1, 1, [1])?.code == .mismatch)
    #expect(server.machine.authority.counters.changesRefused == 6)
    #expect(server.delta(1, 1, [1, 1]) == nil, "the number was not used up")
    #expect(server.machine.authority.state.values == [1, 1])
  }

  @Test func anIndexIsTheLowestFree() {
    var server = ServerHarness()
    for id in 1...3 { #expect(server.join(UInt64(id))?.index == id - 1) }
    #expect(server.join(2)?.index == 1)
    server.goodbye(1)
    #expect(server.join(4)?.index == 0)
    #expect(server.join(5)?.index == 3)
  }

  @Test func silentLearnersAreForgottenButNotThoseThatReport() {
    var server = ServerHarness()
    _ = server.join(1)
    _ = server.join(2)
    server.report(2, at: 4000)
    _ = server.advance(6000)
    #expect(server.delta(1, 1, [1, 1], at: 6001)?.code == .unknownPeer)
    #expect(server.delta(2, 1, [1, 1], at: 6002) == nil)
    #expect(server.join(3, at: 6003)?.index == 0)
  }

  @Test func otherNetworksAreRefused() {
    var server = ServerHarness()
    let other = WeightsManifest(tensors: [TensorSpec(name: "w", shape: [3])])
    let sent = server.receive(
      frame { Join(id: Fixtures.id(1), label: "l", manifest: other).encode(into: $0) })
    #expect(sent.first?.refusal?.code == .mismatch)
    #expect(sent.first?.refusal?.text.hasPrefix("tensor 0: expected 'w' [2], found 'w' [3]") == true)
  }

  @Test func newcomersGetTheCurrentVersionOnTheirTopicAndEveryoneNowAndThen() {
    var server = ServerHarness()
    server.subscribed([1] + Weights.subscription(topic: "me"))
    #expect(server.published().map(\.topic) == ["me"])
    for notice in [
      [0] + Weights.subscription(topic: "me"), [1] + Weights.subscription(topic: "all"), [1], [], [1, 2, 3],
    ] {
      server.subscribed(notice)
      #expect(server.published().isEmpty)
    }
    #expect(server.advance(980).map(\.topic) == ["all"], "a second after the last one")
    #expect(server.advance(1900).isEmpty)
    #expect(server.advance(1980).map(\.version) == [1])
  }

  @Test(arguments: Seeds.list(count: 10)) func anyBytesAreAnsweredNeverACrash(seed: UInt64) {
    var draw = SeededGenerator(seed: seed, part: "fuzz")
    var server = ServerHarness()
    let values: [Float] = [1, 2]
    for step in 0..<300 {
      let id = Fixtures.id(UInt64(draw.below(3)))
      let delta = values.withUnsafeBytes { values in
        frame {
          Delta(
            id: id, sequence: draw.next() >> UInt64(draw.below(64)), baseVersion: 0,
            updates: UInt64(draw.below(3)), transitions: draw.next() >> UInt64(draw.below(64)),
            oldestUpdate: 0, newestUpdate: 0, values: values
          ).encode(into: $0)
        }
      }
      let good = [
        delta, frame { Join(id: id, label: "l", manifest: ServerHarness.manifest).encode(into: $0) },
        frame { Goodbye(id: id).encode(into: $0) },
        frame { StatusRequest(evaluationsKnown: draw.next()).encode(into: $0) },
        (0..<draw.below(80)).map { _ in UInt8(draw.below(256)) },
      ]
      var bytes = good[draw.below(good.count)]
      for _ in 0..<draw.below(4) where !bytes.isEmpty {
        bytes[draw.below(bytes.count)] = UInt8(draw.below(256))
      }
      let sent = server.receive(bytes, at: Double(step), over: UInt64(draw.below(50)))
      #expect(sent.allSatisfy { $0.type != nil })
      server.subscribed(bytes)
      _ = server.advance(Double(step))
    }
    #expect(server.machine.authority.state.values.allSatisfy { $0.isFinite })
  }
}
