// The replay machine: sessions, roles, and how many are remembered.

import Experience
import Foundations
import ReplayStore
import Testing
import Wire

@testable import Services

@Suite struct ReplayPeersTests {
  /// A client that has sent nothing makes room; one that has stays.
  @Test func helloesReplaceTheirOwnKind() throws {
    var replay = try ReplayHarness { $0.peersMax = 4 }
    _ = replay.receive(Fixtures.hello(1), from: 1)
    _ = replay.receive(Fixtures.insert(1, first: 0), from: 1)
    for stranger in 100..<200 as Range<UInt64> {
      #expect(replay.receive(Fixtures.hello(stranger), from: stranger).first?.welcome != nil)
      #expect(replay.receive(Fixtures.samplerHello(stranger), from: stranger).first?.welcome != nil)
    }
    #expect(replay.machine.writers.count == 4 && replay.machine.samplers.count == 4)
    #expect(replay.machine.counters.peersReplaced == 97 + 96)
    #expect(replay.receive(Fixtures.insert(2, first: 3), from: 1).map(\.acknowledgement?.committed) == [2])
    #expect(replay.receive(Fixtures.hello(2), from: 2).first?.welcome != nil, "a newcomer comes in")
    #expect(replay.receive(Fixtures.insert(1, first: 0), from: 2).map(\.acknowledgement?.committed) == [1])
  }

  /// If all have sent something, one that has been silent for twice a writer's patience makes room.
  @Test func theLongSilentMakeRoom() throws {
    var replay = try ReplayHarness { $0.peersMax = 2 }
    for writer in [1, 2] as [UInt64] {
      _ = replay.receive(Fixtures.hello(writer), from: writer)
      _ = replay.receive(Fixtures.insert(1, first: 0), from: writer)
      _ = replay.receive(Fixtures.samplerHello(writer), from: writer + 10)
      _ = replay.receive(Fixtures.request(1), from: writer + 10)
    }
    let early = replay.receive(Fixtures.hello(3), from: 3, at: 59_000).first?.refusal
    #expect(early?.code == .busy && early?.text.hasPrefix("2 writers are the most; end some") == true)
    let sampler = replay.receive(Fixtures.samplerHello(3), from: 13, at: 59_000).first?.refusal
    #expect(sampler?.code == .busy && sampler?.text.hasPrefix("2 samplers are the most; end some") == true)
    _ = replay.receive(Fixtures.insert(2, first: 3), from: 1, at: 59_000)
    #expect(replay.receive(Fixtures.hello(3), from: 3, at: 61_000).first?.welcome != nil)
    #expect(
      replay.receive(Fixtures.insert(3, first: 6), from: 1, at: 61_000).map(\.acknowledgement?.committed)
        == [3], "it was heard in between")
    #expect(
      replay.receive(Fixtures.insert(2, first: 3), from: 2, at: 61_000).map(\.refusal?.code) == [.unknownPeer]
    )
  }

  /// A connection that changes its id with each HELLO is one entry.
  @Test func aConnectionIsOneNewcomer() throws {
    var replay = try ReplayHarness()
    for id in 100..<200 as Range<UInt64> { _ = replay.receive(Fixtures.hello(id), from: 1) }
    #expect(replay.machine.writers.count == 1)
    for id in 100..<200 as Range<UInt64> { _ = replay.receive(Fixtures.samplerHello(id), from: 1) }
    #expect(replay.machine.samplers.count == 1)
  }

  /// A client that has learned an id cannot end its session from another connection.
  @Test func goodbyeCountsOnItsOwnConnection() throws {
    var replay = try ReplayHarness()
    _ = replay.receive(Fixtures.hello(1), from: 1)
    _ = replay.receive(Fixtures.insert(1, first: 0), from: 1)
    let goodbye = frame { Goodbye(id: Fixtures.id(1)).encode(into: $0) }
    _ = replay.receive(goodbye, from: 9)
    #expect(replay.receive(Fixtures.insert(2, first: 3), from: 1).map(\.acknowledgement?.committed) == [2])
    _ = replay.receive(goodbye, from: 1)
    #expect(replay.receive(Fixtures.insert(3, first: 6), from: 1).map(\.refusal?.code) == [.unknownPeer])
  }

  @Test func refusalsNameTheMessageAndTheRole() throws {
    var replay = try ReplayHarness()
    func refusal(_ frame: [UInt8], from peer: UInt64) -> Refusal? {
      replay.receive(frame, from: peer).first?.refusal
    }
    let unknown = refusal(Fixtures.insert(7, first: 0), from: 5)
    #expect(unknown?.code == .unknownPeer && unknown?.reference == 7)
    #expect(unknown?.text == "say HELLO with role 1 (writer) first")
    _ = replay.receive(Fixtures.hello(1), from: 1)
    _ = replay.receive(Fixtures.samplerHello(3), from: 3)
    let cut = refusal(Fixtures.insert(1, first: 0).dropLast(), from: 1)
    #expect(cut?.code == .malformed && cut?.type == MessageType.insert.rawValue && cut?.reference == 1)
    let long = refusal(Fixtures.request(9) + [0], from: 3)
    #expect(long?.code == .malformed && long?.reference == 9)
    let insert = refusal(Fixtures.insert(7, first: 0), from: 3)
    #expect(insert?.code == .invalid && insert?.reference == 7)
    #expect(
      insert?.text
        == "expected a writer's connection, found a sampler's: say HELLO with role 1 (writer) first")
    let sample = refusal(Fixtures.request(8), from: 1)
    #expect(sample?.code == .invalid && sample?.reference == 8)
    #expect(sample?.text.contains("expected a sampler's connection, found a writer's") == true)
    #expect(refusal(Fixtures.request(8), from: 5)?.text == "say HELLO with role 2 (sampler) first")
  }

  /// Inspection lists the writers, but not the ids with which a client could pose as them.
  @Test func inspectionGivesNoIdAway() throws {
    var replay = try ReplayHarness()
    _ = replay.receive(Fixtures.hello(1), from: 1)
    _ = replay.receive(Fixtures.insert(1, first: 0), from: 1)
    let sent = replay.receive(
      frame { InspectRequest(table: "experience", top: 5, key: 0).encode(into: $0) }, from: 9)
    let inspection = try #require(sent.first?.read { try Inspection(from: &$0) })
    #expect(inspection.writers.map(\.label) == ["w"] && inspection.item?.writer == 0)
    let id = frame { $0.identifier(Fixtures.id(1)) }
    #expect(sent.first?.bytes.firstRange(of: id) == nil)
  }
}
