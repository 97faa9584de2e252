// The replay machine: turns, and room on the way to samplers.

import Experience
import Foundations
import ReplayStore
import Testing
import Wire

@testable import Services

@Suite struct ReplayTurnsTests {
  private static let queue = TableSchema(name: "queue", kind: .record)

  /// A replay with a queue whose items go with their first sample, a writer at 1 and samplers at 3
  /// and 4.
  private func queue(_ configure: (inout ReplayMachine.Configuration) -> Void = { _ in }) throws
    -> ReplayHarness
  {
    var store = Fixtures.store()
    store.tables = [
      TableConfiguration(
        schema: Self.queue, sampler: .fifo, timesSampledMax: 1, batchSizeMax: 8, itemsPerMessageMax: 8)
    ]
    var replay = try ReplayHarness(store: store, configure: configure)
    _ = replay.receive(Fixtures.hello(1, tables: [Self.queue]), from: 1)
    for sampler in [3, 4] as [UInt64] {
      _ = replay.receive(Fixtures.samplerHello(sampler, tables: [Self.queue]), from: sampler)
    }
    return replay
  }

  /// The answered requests: the sampler and number of each.
  private func served(_ sent: [Sent]) -> [[UInt64]] {
    sent.compactMap { sent in
      guard sent.type == .batch, let header = sent.read({ try Batch(from: &$0).header }) else { return nil }
      return [sent.peer == PeerID(number: 3) ? 3 : 4, header.request]
    }
  }

  @Test func samplersAreServedInTurn() throws {
    var replay = try ReplayHarness(store: Fixtures.store(minSize: 5))
    _ = replay.receive(Fixtures.hello(1), from: 1)
    _ = replay.receive(Fixtures.samplerHello(3), from: 3)
    _ = replay.receive(Fixtures.samplerHello(4), from: 4)
    for request in 1...5 as ClosedRange<UInt64> {
      #expect(replay.receive(Fixtures.request(request), from: 3).isEmpty)
    }
    for request in 1...2 as ClosedRange<UInt64> {
      #expect(replay.receive(Fixtures.request(request), from: 4).isEmpty)
    }
    let sent = replay.receive(Fixtures.insert(1, first: 0, rows: 8), from: 1)
    #expect(served(sent) == [[3, 1], [4, 1], [3, 2], [4, 2], [3, 3], [3, 4], [3, 5]])
  }

  /// A client that comes later waits beside another's next entry, not behind all that it queued.
  @Test func turnsAreFairToLatecomers() {
    var turns = Turns()
    let first = (1...4).reduce(into: [UInt64]()) { found, _ in found.append(turns.next(after: found.last)) }
    #expect(first == [1, 2, 3, 4])
    turns.serve(1)
    turns.serve(2)
    #expect(turns.next(after: nil) == 3, "beside the third of the other, not behind the fourth")
    #expect(turns.next(after: 4) == 5)
  }

  @Test func aRequestWaitsForRoomAndHoldsUpNoOther() throws {
    var replay = try queue()
    replay.sink.rooms[PeerID(number: 3)] = .later
    _ = replay.receive(Fixtures.insert(1, first: 0, rows: 8, items: 8, spans: 1), from: 1)
    #expect(replay.receive(Fixtures.request(1), from: 3).isEmpty)
    #expect(served(replay.receive(Fixtures.request(1), from: 4)) == [[4, 1]])
    #expect(replay.machine.nextDeadline(now: .at(0)) == .at(5), "it looks again by itself")
    #expect(replay.advance(at: 5).isEmpty)
    replay.sink.rooms = [:]
    #expect(served(replay.advance(at: 10)) == [[3, 1]])
    #expect(replay.machine.waitingSamples.nextRoomCheck == nil)
  }

  /// Nothing is drawn for a sampler that cannot be reached: the next one gets all items.
  @Test func aSamplerThatIsGoneSpendsNothing() throws {
    var replay = try queue()
    for request in 1...3 as ClosedRange<UInt64> {
      #expect(replay.receive(Fixtures.request(request), from: 3).isEmpty)
    }
    replay.sink.rooms[PeerID(number: 3)] = .gone
    _ = replay.receive(Fixtures.insert(1, first: 0, rows: 8, items: 8, spans: 1), from: 1)
    #expect(replay.machine.counters.requestsOfGone == 3)
    #expect(replay.machine.samplers[PeerID(number: 3)] == nil)
    #expect(replay.machine.store.statistics.tables[0].size == 8)
    #expect(replay.machine.store.statistics.tables[0].itemsSampled == 0)
    #expect(served(replay.receive(Fixtures.request(7, count: 8), from: 4)) == [[4, 7]])
  }

  /// A table's rows are too large for an answer of this many: the request is refused with the
  /// limit, before and after the schema is known.
  @Test func anAnswerThatCannotBeIsRefusedWithTheLimit() throws {
    var replay = try ReplayHarness { $0.answerBytesMax = 200 }
    _ = replay.receive(Fixtures.hello(1), from: 1)
    _ = replay.receive(Fixtures.samplerHello(3), from: 3)
    #expect(replay.receive(Fixtures.request(1, count: 6), from: 3).isEmpty)
    let sent = replay.receive(Fixtures.insert(1, first: 0, rows: 8), from: 1)
    let refusal = try #require(sent.compactMap(\.refusal).first)
    #expect(refusal.code == .invalid && refusal.reference == 1)
    #expect(
      refusal.text
        == "expected 1 to 5 items of table 'experience', found 6: items of 40 bytes each, but an answer has at most 200 bytes; ask for fewer"
    )
    #expect(replay.receive(Fixtures.request(2, count: 6), from: 3).map(\.refusal?.text) == [refusal.text])
    #expect(served(replay.receive(Fixtures.request(3, count: 5), from: 3)) == [[3, 3]])
    #expect(
      replay.receive(Fixtures.samplerHello(4), from: 4).map(\.welcome?.grant.rows) == [[5]], "told beforehand"
    )
  }
}
