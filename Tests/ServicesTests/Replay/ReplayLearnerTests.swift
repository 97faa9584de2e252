// The replay machine: one learner at a time, with a shard for each learner.

import Experience
import Foundations
import Testing
import Wire

@testable import Services

@Suite struct ReplayLearnerTests {
  private static func exclusive() throws -> ReplayHarness {
    try ReplayHarness { $0.exclusiveTable = Fixtures.table.name }
  }

  private static let question = frame { LearnerRequest.encode(into: $0) }

  private static func learner(_ replay: inout ReplayHarness, at milliseconds: Double) -> Learner? {
    replay.receive(question, from: 99, at: milliseconds).first?.learner
  }

  @Test func theFirstLearnerHoldsTheShardUntilItIsSilent() throws {
    var replay = try Self.exclusive()
    #expect(Self.learner(&replay, at: 0) == Learner(isOwn: true, label: nil, isAsker: false))
    #expect(replay.receive(Fixtures.samplerHello(1), from: 1, at: 0).first?.welcome != nil)
    #expect(Self.learner(&replay, at: 1) == Learner(isOwn: true, label: "s", isAsker: false))
    let refusal = replay.receive(Fixtures.samplerHello(2), from: 2, at: 300).first?.refusal
    #expect(refusal?.code == .busy && refusal?.type == MessageType.hello.rawValue)
    #expect(
      refusal?.text
        == "replay.binding own: expected no learner at this shard, found s, heard 0.3 s ago; try another shard, or again "
        + "once it has been silent for 2.0 s")
    // A HELLO or a request keeps it.
    #expect(replay.receive(Fixtures.samplerHello(1), from: 1, at: 1500).first?.welcome != nil)
    #expect(replay.receive(Fixtures.samplerHello(2), from: 2, at: 3400).first?.refusal?.code == .busy)
    // So does its question.
    #expect(
      replay.receive(Self.question, from: 1, at: 3450).first?.learner
        == Learner(isOwn: true, label: "s", isAsker: true))
    _ = replay.receive(Fixtures.request(1), from: 1, at: 3499)
    #expect(replay.receive(Fixtures.samplerHello(2), from: 2, at: 5400).first?.refusal?.code == .busy)
    #expect(Self.learner(&replay, at: 5500) == Learner(isOwn: true, label: nil, isAsker: false))
    #expect(replay.receive(Fixtures.samplerHello(2), from: 2, at: 5500).first?.welcome != nil)
    // The former one is unknown, and refused if it says HELLO.
    #expect(replay.receive(Fixtures.request(2), from: 1, at: 5501).first?.refusal?.code == .unknownPeer)
    #expect(replay.receive(Fixtures.samplerHello(1), from: 1, at: 5502).first?.refusal?.code == .busy)
    #expect(replay.machine.samplers.count == 1 && replay.machine.counters.learners == 2)
    #expect(replay.machine.checkInvariants() == nil)
  }

  /// A learner whose shard no other took goes on as if nothing had happened.
  @Test func aSilentLearnerMayComeBack() throws {
    var replay = try Self.exclusive()
    _ = replay.receive(Fixtures.samplerHello(1), from: 1, at: 0)
    #expect(Self.learner(&replay, at: 9000) == Learner(isOwn: true, label: nil, isAsker: false))
    _ = replay.receive(Fixtures.request(1), from: 1, at: 9001)
    #expect(Self.learner(&replay, at: 9002) == Learner(isOwn: true, label: "s", isAsker: false))
    // Over a new connection it is the same learner.
    #expect(replay.receive(Fixtures.samplerHello(1), from: 7, at: 9003).first?.welcome != nil)
    #expect(replay.machine.counters.learners == 1 && replay.machine.samplers.count == 1)
  }

  @Test func goodbyeFreesTheShard() throws {
    var replay = try Self.exclusive()
    _ = replay.receive(Fixtures.samplerHello(1), from: 1, at: 0)
    let goodbye = frame { Goodbye(id: Fixtures.id(1)).encode(into: $0) }
    _ = replay.receive(goodbye, from: 2, at: 1)
    #expect(replay.receive(Fixtures.samplerHello(2), from: 2, at: 2).first?.refusal?.code == .busy)
    _ = replay.receive(goodbye, from: 1, at: 3)
    #expect(Self.learner(&replay, at: 4) == Learner(isOwn: true, label: nil, isAsker: false))
    #expect(replay.receive(Fixtures.samplerHello(2), from: 2, at: 5).first?.welcome != nil)
  }

  /// Samplers of other tables are no learners; without an exclusive table anybody may sample.
  @Test func onlyTheLearnersTableIsExclusive() throws {
    var shared = try ReplayHarness()
    for sampler in [1, 2] as [UInt64] {
      #expect(shared.receive(Fixtures.samplerHello(sampler), from: sampler).first?.welcome != nil)
    }
    #expect(Self.learner(&shared, at: 1) == Learner(isOwn: false, label: nil, isAsker: false))
    #expect(shared.machine.telemetry(now: .at(2))["has_learner"] == 1)
    var own = try Self.exclusive()
    #expect(own.receive(Fixtures.samplerHello(1, tables: []), from: 1).first?.welcome != nil)
    #expect(own.receive(Fixtures.samplerHello(2), from: 2).first?.welcome != nil)
    #expect(own.receive(Fixtures.samplerHello(3, tables: []), from: 3).first?.welcome != nil)
    #expect(own.machine.telemetry(now: .at(2))["has_learner"] == 1)
    #expect(own.machine.telemetry(now: .at(2100))["has_learner"] == 0)
    #expect(
      own.receive(frame { HealthRequest.encode(into: $0) }, from: 9).first?.health?.text.contains("learner: ")
        == true)
  }
}
