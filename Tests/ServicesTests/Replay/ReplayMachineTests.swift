// The replay machine: inserts, and who may send them.

import Experience
import Foundations
import ReplayStore
import Testing
import Wire

@testable import Services

@Suite struct ReplayMachineTests {
  @Test func aMessageIsTakenOnceAndInSequence() throws {
    var replay = try ReplayHarness()
    let welcome = try #require(replay.receive(Fixtures.hello(1), from: 1).first?.welcome)
    #expect(
      welcome.committed == 0 && welcome.incarnation == Fixtures.id(99) && welcome.schema == Fixtures.schema)
    let first = Fixtures.insert(1, first: 0)
    #expect(
      replay.receive(first, from: 1).map(\.acknowledgement) == [Acknowledgement(committed: 1, gap: false)])
    #expect(
      replay.receive(first, from: 1).map(\.acknowledgement) == [Acknowledgement(committed: 1, gap: false)])
    #expect(replay.machine.counters.messagesRepeated == 1)
    #expect(replay.machine.store.statistics.head == 3)
    let third = Fixtures.insert(3, first: 6)
    #expect(
      replay.receive(third, from: 1).map(\.acknowledgement) == [Acknowledgement(committed: 1, gap: true)])
    #expect(replay.machine.counters.messagesAhead == 1)
    _ = replay.receive(Fixtures.insert(2, first: 3), from: 1)
    _ = replay.receive(third, from: 1)
    #expect(replay.machine.store.statistics.head == 9)
    #expect(replay.machine.counters.items == 6)
  }

  @Test func whatIsBlockedWaitsItsTurnAndIsAcknowledgedWhenItIsIn() throws {
    // Room for 8 samples: 8 items may be ahead of the samples.
    let limiter = RateLimiterConfiguration(samplesPerInsert: 1, minSize: 1, errorMin: -8, errorMax: 8)
    var replay = try ReplayHarness(store: Fixtures.store(limiter: limiter)) { $0.credit = 4 }
    _ = replay.receive(Fixtures.hello(1), from: 1)
    _ = replay.receive(Fixtures.hello(2), from: 2)
    _ = replay.receive(Fixtures.samplerHello(3), from: 3)
    #expect(replay.receive(Fixtures.insert(1, first: 0, rows: 8), from: 1).count == 1)
    #expect(replay.receive(Fixtures.insert(2, first: 8, rows: 7), from: 1).isEmpty)
    #expect(replay.receive(Fixtures.insert(3, first: 15, rows: 2), from: 1).isEmpty)
    let small = replay.receive(Fixtures.insert(1, first: 0, rows: 2), from: 2)
    #expect(small.isEmpty, "it would fit, but others were first")
    #expect(
      replay.receive(Fixtures.insert(2, first: 8, rows: 7), from: 1).map(\.acknowledgement?.committed) == [1])
    #expect(replay.machine.telemetry(now: .at(5))["messages_waiting"] == 3)
    let sent = replay.receive(Fixtures.request(1, count: 8), from: 3)
    let acknowledged = sent.compactMap { sent in
      sent.acknowledgement.map { [sent.peer == PeerID(number: 1) ? 1 : 2, $0.committed] }
    }
    #expect(acknowledged == [[1, 2], [2, 1], [1, 3]], "writers in turn, each one's messages in order")
    #expect(sent.first?.type == .batch)
    #expect(replay.machine.store.statistics.head == 19)
  }

  @Test func noMoreThanTheCreditWaits() throws {
    let limiter = RateLimiterConfiguration(samplesPerInsert: 1, minSize: 1, errorMin: -8, errorMax: 8)
    var replay = try ReplayHarness(store: Fixtures.store(limiter: limiter)) { $0.credit = 2 }
    _ = replay.receive(Fixtures.hello(1), from: 1)
    for sequence in 1...9 {
      _ = replay.receive(
        Fixtures.insert(UInt64(sequence), first: UInt64(sequence) * 8, rows: 8, items: 7), from: 1)
    }
    #expect(replay.machine.telemetry(now: .at(5))["messages_waiting"] == 2)
  }

  @Test func aRepeatedHelloKeepsWhatWaitsAndAHigherOneGivesItUp() throws {
    let limiter = RateLimiterConfiguration(samplesPerInsert: 1, minSize: 1, errorMin: -8, errorMax: 8)
    var replay = try ReplayHarness(store: Fixtures.store(limiter: limiter))
    _ = replay.receive(Fixtures.hello(1), from: 1)
    _ = replay.receive(Fixtures.insert(1, first: 0, rows: 8), from: 1)
    _ = replay.receive(Fixtures.insert(2, first: 8, rows: 8), from: 1)
    #expect(replay.receive(Fixtures.hello(1), from: 1).map(\.welcome?.committed) == [1])
    #expect(replay.machine.telemetry(now: .at(5))["messages_waiting"] == 1)
    #expect(replay.receive(Fixtures.hello(1, next: 3), from: 7).map(\.welcome?.committed) == [2])
    #expect(replay.machine.telemetry(now: .at(5))["messages_waiting"] == 0)
    #expect(
      replay.receive(Fixtures.insert(3, first: 16, rows: 2), from: 1).map(\.refusal?.code) == [.unknownPeer])
    #expect(
      replay.receive(Fixtures.insert(3, first: 16, rows: 2, isCut: true, items: 0), from: 7).map(
        \.acknowledgement?.committed) == [3])
    #expect(
      replay.receive(Fixtures.hello(1, next: 1), from: 7).map(\.welcome?.committed) == [3],
      "an old hello takes nothing back")
  }

  @Test func aRefusedMessageLeavesNothingAndItsNumberIsStillExpected() throws {
    var replay = try ReplayHarness()
    _ = replay.receive(Fixtures.hello(1), from: 1)
    let wrong = Fixtures.insert(1, first: 0, rows: 3, flags: [0, 4, 0])
    let refusal = try #require(replay.receive(wrong, from: 1).first?.refusal)
    #expect(refusal.code == .invalid && refusal.reference == 1)
    #expect(refusal.text.contains("isTerminal only with isLast"))
    #expect(replay.machine.store.statistics.head == 0)
    #expect(
      replay.receive(Fixtures.insert(2, first: 3), from: 1).map(\.acknowledgement) == [
        Acknowledgement(committed: 0, gap: true)
      ])
    #expect(replay.receive(Fixtures.insert(1, first: 0), from: 1).map(\.acknowledgement?.committed) == [1])
  }

  @Test func aRefusedMessageAmongWaitingOnesIsAnsweredAndTheRestNotTaken() throws {
    let limiter = RateLimiterConfiguration(samplesPerInsert: 1, minSize: 1, errorMin: -8, errorMax: 8)
    var replay = try ReplayHarness(store: Fixtures.store(limiter: limiter))
    _ = replay.receive(Fixtures.hello(1), from: 1)
    _ = replay.receive(Fixtures.samplerHello(3), from: 3)
    _ = replay.receive(Fixtures.insert(1, first: 0, rows: 8), from: 1)
    _ = replay.receive(Fixtures.insert(2, first: 8, rows: 8), from: 1)
    _ = replay.receive(Fixtures.insert(3, first: 16, rows: 3, flags: [0, 4, 0]), from: 1)
    _ = replay.receive(Fixtures.insert(4, first: 19, rows: 2), from: 1)
    let sent = replay.receive(Fixtures.request(1, count: 8), from: 3)
    #expect(sent.compactMap(\.acknowledgement?.committed) == [2])
    #expect(sent.compactMap(\.refusal?.reference) == [3])
    #expect(replay.machine.telemetry(now: .at(5))["messages_waiting"] == 0)
    #expect(
      replay.receive(Fixtures.insert(3, first: 16, rows: 2), from: 1).compactMap(\.acknowledgement?.committed)
        == [3])
  }

  @Test func helloSaysWhatDoesNotAgree() throws {
    var replay = try ReplayHarness()
    _ = replay.receive(Fixtures.hello(1), from: 1)
    _ = replay.receive(Fixtures.insert(1, first: 0), from: 1)
    let advice = "; start this client and the replay from one configuration"
    func text(_ frame: [UInt8]) -> String {
      guard let refusal = replay.receive(frame, from: 9).first?.refusal else { return "welcome" }
      #expect(refusal.text.hasSuffix(advice) == (refusal.code == .mismatch))
      return refusal.text.replacing(advice, with: "")
    }
    #expect(
      text(Fixtures.hello(2, schema: .discrete(observation: [2])))
        == "field 0: expected observation: float32[1], found observation: float32[2]")
    #expect(text(Fixtures.hello(2, schema: nil)) == "schema: expected a writer's fields, found nil")
    #expect(text(Fixtures.hello(2, tables: [])) == "tables: expected 1 (experience), found 0")
    let other = TableSchema(name: "experience", kind: .transition(nStep: 3, discount: 0.5))
    #expect(text(Fixtures.hello(2, tables: [other])) == "table 'experience': expected n-step 1, found 3")
    #expect(
      text(Fixtures.samplerHello(2, tables: [other])) == "table 'experience': expected n-step 1, found 3")
    let unknown = TableSchema(name: "x", kind: Fixtures.table.kind)
    #expect(text(Fixtures.samplerHello(2, tables: [unknown])) == "table: expected 'experience', found 'x'")
    #expect(text(Fixtures.hello(2, next: 0)).contains("next sequence of at least 1"))
    #expect(text(Fixtures.hello(2, next: .max)).contains("for the next sequence"))
    #expect(text(Fixtures.hello(1, next: .max)).contains("for the next sequence"))
    #expect(text(Fixtures.hello(2)) == "welcome")
    var small = try ReplayHarness { $0.memoryMax = 100 }
    #expect(
      small.receive(Fixtures.hello(1), from: 1).first?.refusal?.text.contains("lower replay.capacity") == true
    )
  }

  @Test func strangersAreToldToSayHello() throws {
    var replay = try ReplayHarness()
    #expect(replay.receive(Fixtures.insert(1, first: 0), from: 5).map(\.refusal?.code) == [.unknownPeer])
    #expect(replay.receive(Fixtures.request(4), from: 5).map(\.refusal?.reference) == [4])
    let key: UInt64 = 0
    let priority: Float = 1
    let update = withUnsafeBytes(of: key) { keys in
      withUnsafeBytes(of: priority) { values in
        frame { PriorityUpdate(table: 0, keys: keys, priorities: values).encode(into: $0) }
      }
    }
    #expect(replay.receive(update, from: 5).map(\.refusal?.code) == [.unknownPeer])
    _ = replay.receive(Fixtures.samplerHello(6), from: 5)
    #expect(replay.receive(update, from: 5).isEmpty, "no writer yet: meant for an earlier incarnation")
    #expect(replay.machine.counters.prioritiesGone == 1)
  }

  @Test func aDepartedWriterDoesNotComeBack() throws {
    var replay = try ReplayHarness { $0.peerGoneAfter = .seconds(60) }
    _ = replay.receive(Fixtures.hello(1), from: 1)
    _ = replay.receive(Fixtures.insert(1, first: 0), from: 1)
    _ = replay.receive(frame { Goodbye(id: Fixtures.id(1)).encode(into: $0) }, from: 1)
    #expect(
      replay.receive(Fixtures.hello(1), from: 1).map(\.refusal?.text) == [
        "this writer has said GOODBYE; say HELLO with a new id"
      ])
    _ = replay.receive(Fixtures.insert(1, first: 0), from: 1)
    #expect(replay.machine.store.statistics.head == 3, "its first message is not taken twice")
    _ = replay.advance(at: 70_000)
    #expect(replay.receive(Fixtures.hello(1, next: 2), from: 1, at: 70_000).count == 1)
  }

  @Test func silentPeersAreForgottenAndMakeRoom() throws {
    let limiter = RateLimiterConfiguration(samplesPerInsert: 1, minSize: 1, errorMin: -8, errorMax: 8)
    var replay = try ReplayHarness(store: Fixtures.store(limiter: limiter)) {
      $0.peerGoneAfter = .seconds(60)
    }
    _ = replay.receive(Fixtures.hello(1), from: 1)
    _ = replay.receive(Fixtures.hello(2), from: 2)
    _ = replay.receive(Fixtures.insert(1, first: 0, rows: 6), from: 1)
    _ = replay.receive(Fixtures.insert(2, first: 6, rows: 8), from: 1)
    #expect(replay.receive(Fixtures.insert(1, first: 0, rows: 2), from: 2, at: 50_000).isEmpty)
    #expect(
      replay.advance(at: 65_000).map(\.acknowledgement?.committed) == [1], "the head of the queue is gone")
    #expect(replay.machine.telemetry(now: .at(65_000))["writers"] == 1)
  }
}
