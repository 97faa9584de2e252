// Queues: turns, passes, bytes, and what blocks them.

import Experience
import Foundations
import ReplayStore
import TestSupport
import Testing
import Wire

@testable import Services

@Suite struct QueueTests {
  private struct Entry: TakesTurns, Equatable {
    var client: Int
    var number: Int
    var turn: UInt64 = 0
  }

  /// By the definition: the waiting entry with the lowest turn is next, and among equal turns the
  /// one that came first.
  @Test(arguments: Seeds.list(count: 20)) func passesServeInOrder(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    var queue = TurnQueue<Entry>()
    var model: [Entry] = []
    var numbers = 0
    for _ in 0..<200 {
      for _ in 0..<generator.below(4) {
        let client = generator.below(3)
        let last = model.last { $0.client == client }?.turn
        let turn = queue.append(Entry(client: client, number: numbers), after: last)
        let place = model.firstIndex { $0.turn > turn } ?? model.count
        model.insert(Entry(client: client, number: numbers, turn: turn), at: place)
        numbers += 1
      }
      // A pass that keeps one client's entries, and ends anywhere.
      let (held, end) = (generator.below(4), generator.below(queue.count + 1))
      var kept = 0
      for next in 0..<end {
        if queue[next].client == held {
          queue.move(from: next, to: kept)
          kept += 1
        } else {
          queue.didServe(queue[next].turn)
        }
      }
      queue.remove(kept..<end)
      model = model[..<end].filter { $0.client == held } + model[end...]
      #expect(queue.all == model, "\(Seeds.replay(seed))")
    }
  }

  @Test func insertsKnowTheirBytesAndTheirBlock() {
    var inserts = WaitingInserts()
    func insert(_ writer: Int, _ count: Int) -> WaitingInsert {
      WaitingInsert(writer: writer, sequence: 1, frame: Array(repeating: 0, count: count))
    }
    _ = inserts.append(insert(1, 10), after: nil)
    let turn = inserts.append(insert(2, 100), after: nil)
    #expect(inserts.append(insert(2, 1000), after: turn) == turn + 1)
    #expect(inserts.bytes == 1110 && inserts.checkInvariants(bytesMax: 1110) == nil)
    #expect(inserts.checkInvariants(bytesMax: 1109) != nil)
    inserts.removeAll(of: 2)
    #expect(inserts.bytes == 10 && inserts.all.map(\.writer) == [1])
    inserts.hold(table: 0, reason: "a", now: .at(1))
    inserts.hold(table: 0, reason: "b", now: .at(2))
    #expect(inserts.block?.since == .at(1) && inserts.block?.reason == "b", "it is the same table")
    inserts.hold(table: 1, reason: "c", now: .at(3))
    #expect(inserts.block?.since == .at(3))
    inserts.remove(0..<1)
    #expect(
      inserts.bytes == 0 && inserts.checkInvariants(bytesMax: 1) == "inserts are blocked, but none waits")
    inserts.release()
    inserts.scheduleQuotaCheck(isHolding: true, now: .at(0))
    #expect(inserts.nextQuotaCheck == .at(1000))
  }

  @Test func requestsLookForRoomOnce() {
    var requests = SampleQueue()
    let request = SampleRequest(request: 7, table: 1, count: 2)
    _ = requests.append(request, from: PeerID(number: 3), after: nil, now: .at(0))
    #expect(requests.contains(7, of: PeerID(number: 3)) && !requests.contains(7, of: PeerID(number: 4)))
    #expect(requests.first(of: 0) == nil && requests.first(of: 1)?.since == .at(0))
    #expect(requests.clearRoomCheck() == false)
    requests.awaitRoom(now: .at(10))
    #expect(requests.nextRoomCheck == .at(15))
    #expect(requests.clearRoomCheck() && !requests.clearRoomCheck())
    requests.removeAll(of: PeerID(number: 3))
    #expect(requests.isEmpty)
  }

  @Test func roundsEndByBytesToo() {
    var round = ReplayRound()
    round.didCommit(bytes: ReplayRound.drainEvery, letsIn: false)
    #expect(round.isAcknowledgementDue && !round.isDrainDue && !round.isDrainUrgent)
    round.didAcknowledge()
    round.didRequest()
    #expect(!round.isAcknowledgementDue && round.isDrainUrgent)
    round.didDrain()
    round.didCommit(bytes: 1, letsIn: true)
    #expect(round.isDrainDue && !round.isDrainUrgent)
  }

  private func waiting(_ peer: UInt64, _ request: UInt64) -> WaitingSample {
    WaitingSample(
      peer: PeerID(number: peer), request: SampleRequest(request: request, table: 0, count: 0), since: .at(0))
  }

  @Test func ticketsAreOfBatchesAndOfChecks() throws {
    var prefetch = PrefetchQueue()
    prefetch.append(waiting(1, 5), Draw(), pages: ColdPages())
    prefetch.check(ColdPages())
    prefetch.append(waiting(2, 6), Draw(), pages: ColdPages())
    let tickets = prefetch.takeRequests().map(\.ticket)
    #expect(Set(tickets).count == 3 && prefetch.takeRequests().isEmpty)
    #expect(prefetch.checkingTicket == tickets[1] && prefetch.index(of: tickets[1]) == nil)
    #expect(prefetch.contains(6, of: PeerID(number: 2)) && prefetch.count(of: PeerID(number: 1)) == 1)
    let index = try #require(prefetch.index(of: tickets[2]))
    var rounds = 0
    while prefetch.beginRound(at: index) {
      prefetch.readAgain(ColdPages(), at: index)
      rounds += 1
    }
    #expect(rounds == 3, "not for ever")
    #expect(prefetch.takeRequests().map(\.ticket) == [tickets[2], tickets[2], tickets[2]])
    // The draw of a sampler that is gone goes to the next.
    prefetch.orphan(at: 0)
    #expect(prefetch.remove(at: 0).request.request == 5)
    #expect(prefetch.popOrphan(for: SampleRequest(request: 9, table: 1, count: 0)) == nil)
    #expect(prefetch.popOrphan(for: SampleRequest(request: 9, table: 0, count: 0)) != nil)
    #expect(prefetch.popOrphan(for: SampleRequest(request: 9, table: 0, count: 0)) == nil)
  }
}
