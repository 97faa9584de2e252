// Which senders' messages a parameter server accepts.

import Experience
import Foundations
import Testing
import Wire

@testable import Services

@Suite struct ParameterServerStrangerTests {
  private static let token = Fixtures.id(777)

  private func evaluation(_ token: Identifier?) -> [UInt8] {
    frame {
      EvaluationReport(
        token: token,
        Evaluation(
          kind: .confirmation, version: 1, updates: 1, episodes: 100, meanReturn: 500, minReturn: 500,
          maxReturn: 500, isSolved: true)
      ).encode(into: $0)
    }
  }

  @Test func withoutTheRunsTokenNobodyJoinsReportsOrEvaluates() {
    var server = ServerHarness(token: Self.token)
    for token in [nil, Fixtures.id(778)] {
      let join: Sent? = server.join(1, over: 1, token: token)
      #expect(join?.refusal?.code == .invalid)
      #expect(join?.refusal?.text.contains("ROOKERY_RUN_TOKEN") == true)
      #expect(server.report(2, token: token)?.code == .invalid)
      #expect(server.receive(evaluation(token)).first?.refusal?.code == .invalid)
    }
    #expect(server.machine.counters.strangersRefused == 6)
    #expect(server.delta(1, 1, [1, 1])?.code == .unknownPeer)
    #expect(server.status()?.processes.isEmpty == true && server.machine.board.evaluations.isEmpty)
    let joined: Sent? = server.join(1, over: 1, token: Self.token)
    #expect(joined?.joined != nil)
    #expect(server.report(2, token: Self.token) == nil)
    #expect(server.receive(evaluation(Self.token)).isEmpty)
    #expect(server.status()?.processes.count == 1 && server.machine.board.evaluations.count == 1)
  }

  /// Publications and statuses do not disclose the ids of processes.
  @Test func idsAreNotGivenAway() throws {
    var server = ServerHarness()
    _ = server.join(1)
    server.report(1, counters: ["x": 1], over: 1)
    _ = server.delta(1, 1, [1, 1])
    let id = withUnsafeBytes(of: (Fixtures.id(1).high.bigEndian, Fixtures.id(1).low.bigEndian)) { Array($0) }
    let status = server.receive(frame { StatusRequest(evaluationsKnown: 0).encode(into: $0) }, over: 5)
    let frames = server.sink.takePublications() + status
    #expect(frames.count == 2)
    for sent in frames { #expect(!sent.bytes.contains(id)) }
    #expect(status.first?.status?.processes.first?.telemetry.id == Fixtures.id(1).publicName)
  }

  @Test func onlyTheConnectionThatJoinedSpeaksForALearner() {
    var server = ServerHarness()
    _ = server.join(1)
    #expect(server.delta(1, 1, [1, 1], over: 9)?.code == .unknownPeer)
    server.goodbye(1, over: 9)
    #expect(server.report(1, over: 9)?.code == .unknownPeer)
    #expect(server.machine.counters.impostorsRefused == 2)
    #expect(server.delta(1, 1, [1, 1]) == nil, "it is still there")
    server.goodbye(1)
    #expect(server.delta(1, 2, [1, 1])?.code == .unknownPeer)
  }

  /// A learner whose connection broke joins over a new one; its messages over the old one are
  /// refused.
  @Test func aReconnectedLearnerTakesItsPlaceAlong() {
    var server = ServerHarness()
    _ = server.join(1)
    _ = server.join(2)
    let again: Sent? = server.join(2, over: 7)
    #expect(again?.joined?.index == 1)
    #expect(server.delta(2, 1, [1, 1], over: 2)?.code == .unknownPeer)
    #expect(server.delta(2, 1, [1, 1], over: 7) == nil)
    server.goodbye(2, over: 2)
    #expect(server.delta(2, 2, [1, 1], at: 30, over: 7) == nil)
  }

  @Test func aConnectionIsOneLearner() {
    var server = ServerHarness()
    for id in 1...100 { let _: Sent? = server.join(UInt64(id), at: Double(id * 20), over: 3) }
    #expect(server.machine.authority.members.count == 1)
    #expect(server.delta(99, 1, [1, 1], over: 3)?.code == .unknownPeer)
    #expect(server.delta(100, 1, [1, 1], over: 3) == nil)
  }

  @Test func theServersOwnReportIsItsOwn() {
    var server = ServerHarness()
    server.report(99, counters: ["weights_version": 1e9])
    #expect(server.machine.counters.impostorsRefused == 1)
    #expect(server.status()?.processes.isEmpty == true)
  }

  /// A member whose delta is merged stays listed, however many others join: else it would wait for
  /// ever for its delta.
  @Test func aMembersLastChangeIsNeverForgotten() throws {
    var server = ServerHarness()
    _ = server.join(1)
    _ = server.delta(1, 1, [1, 1])
    for stranger in 0..<Limits.members + 10 {
      let id = UInt64(5000 + stranger)
      let at = Double(100 + stranger * 30)
      server.report(1, at: at, over: 1)
      _ = server.join(id, at: at)
      _ = server.delta(id, 1, [0, 0], at: at)
      server.goodbye(id)
      _ = server.advance(at + 25)
    }
    let merged = server.machine.authority.state.merged
    #expect(merged.count == Limits.members)
    #expect(merged.contains(Merged(learner: Fixtures.id(1).publicName, sequence: 1)))
  }
}

@Suite struct ParameterServerBoundsTests {
  @Test func aConnectionTakesSoManyRequestsASecond() {
    var server = ServerHarness()
    let question = frame { StatusRequest(evaluationsKnown: 0).encode(into: $0) }
    let answers = (0..<100).map { _ in server.receive(question, over: 3).count }
    #expect(answers.reduce(0, +) == RequestBudget.perSecond / 2, "a status counts twice")
    #expect(server.machine.counters.requestsDropped == 100 - UInt64(RequestBudget.perSecond / 2))
    #expect(server.receive(question, over: 4).count == 1, "another connection has its own")
    #expect(server.receive([0x91], over: 3).isEmpty, "what cannot be read is only counted then")
    #expect(server.receive(question, at: 1001, over: 3).count == 1)
  }

  @Test func theBoardKnowsSoManyProcessesAndKeepsThem() throws {
    var server = ServerHarness()
    let all = Limits.processes
    for id in 0..<all + 10 { server.report(UInt64(10_000 + id), over: UInt64(10_000 + id)) }
    #expect(server.machine.board.reportsDropped == 10)
    server.report(10_000, counters: ["x": 2], at: 10, over: 10_000)
    let status = server.status(StatusRequest(evaluationsKnown: 0, counters: ["x"]))
    let processes = try #require(status).processes
    #expect(processes.count == all && processes.first?.telemetry.counters == ["x": 2])
  }

  @Test func theBoardKeepsSoManyCounters() {
    var server = ServerHarness()
    let many = Dictionary(uniqueKeysWithValues: (0..<Limits.counters).map { ("counter_\($0)", 1.0) })
    let fitting = Limits.boardCounters / Limits.counters
    for id in 0..<fitting + 5 { server.report(UInt64(100 + id), counters: many, over: UInt64(100 + id)) }
    #expect(server.machine.board.reportsDropped == 5)
    _ = server.advance(20_000)
    server.report(1, counters: many, at: 20_001)
    #expect(server.machine.board.reportsDropped == 5, "those that have gone make room")
  }

  /// A connection belongs to one process: another id over it replaces the first.
  @Test func aConnectionIsOneProcess() {
    var server = ServerHarness()
    for id in 1...50 { server.report(UInt64(id), over: 3) }
    #expect(server.status()?.processes.map(\.telemetry.label) == ["l50"])
  }

  @Test func aStatusHoldsWhatIsAskedForAndFits() throws {
    var server = ServerHarness()
    let many = Dictionary(uniqueKeysWithValues: (0..<64).map { ("counter_\($0)", 1.0) })
    for id in 0..<500 { server.report(UInt64(100 + id), counters: many, over: UInt64(100 + id)) }
    let some = server.status(StatusRequest(evaluationsKnown: 0, counters: ["counter_7", "none"]))
    #expect(some?.processes.count == 500)
    #expect(some?.processes.allSatisfy { $0.telemetry.counters == ["counter_7": 1] } == true)
    let sent = server.receive(frame { StatusRequest(evaluationsKnown: 0).encode(into: $0) }, over: 5)
    let all = try #require(sent.first?.status)
    #expect(sent[0].bytes.count <= Limits.statusBytes + 1024)
    #expect(all.processes.count + all.processesLeftOut == 500 && all.processesLeftOut > 100)
  }

  /// Each answer has all the weights, so the number of answers in one turn is limited.
  @Test func newcomersAreAnsweredInTurn() {
    var server = ServerHarness()
    for topic in 0..<Limits.members + 100 {
      server.subscribed([1] + Weights.subscription(topic: "topic-\(topic)"))
    }
    #expect(server.published().count == 16)
    #expect(server.machine.authority.counters.newcomersDropped == 84)
    #expect(server.machine.nextDeadline(now: .at(5)) == .at(5))
    var answered = 16
    for _ in 0..<64 { answered += server.advance(5).count }
    #expect(answered == 16 + Limits.members)
    #expect(server.machine.nextDeadline(now: .at(5)) > .at(5))
  }
}
