// The replay machine: frames that come together.

import Experience
import Foundations
import ReplayStore
import Testing
import Wire

@testable import Services

@Suite struct ReplayRoundTests {
  private func harness(_ store: ReplayStoreConfiguration) throws -> ReplayHarness {
    var replay = try ReplayHarness(store: store)
    _ = replay.receive(Fixtures.hello(1), from: 1)
    _ = replay.receive(Fixtures.samplerHello(2), from: 2)
    _ = replay.receive(Fixtures.insert(1, first: 0, rows: 8), from: 1)
    return replay
  }

  @Test func insertsGoInBeforeRequestsAreServed() throws {
    var replay = try harness(Fixtures.store())
    let (before, after) = replay.receiveTogether([
      (Fixtures.request(1), 2), (Fixtures.insert(2, first: 8), 1), (Fixtures.request(2), 2),
      (Fixtures.insert(3, first: 11), 1),
    ])
    #expect(before.isEmpty)
    #expect(after.map(\.type) == [.acknowledgement, .batch, .batch])
    #expect(after.first?.acknowledgement?.committed == 3)
  }

  @Test func aBlockedInsertHasEarlierRequestsServedFirst() throws {
    let limiter = RateLimiterConfiguration(samplesPerInsert: 1, minSize: 1, errorMin: -8, errorMax: 8)
    var replay = try harness(Fixtures.store(limiter: limiter))
    let (before, after) = replay.receiveTogether([
      (Fixtures.request(1, count: 8), 2), (Fixtures.insert(2, first: 8, rows: 8), 1),
    ])
    #expect(before.map(\.type) == [.batch])
    #expect(after.map(\.acknowledgement?.committed) == [2])
    #expect(replay.machine.counters.messagesBlocked == 0)
    #expect(replay.machine.telemetry(now: .at(1))["messages_waiting"] == 0)
  }

  @Test func aLaterRequestUnblocksAnInsert() throws {
    let limiter = RateLimiterConfiguration(samplesPerInsert: 1, minSize: 1, errorMin: -8, errorMax: 8)
    var replay = try harness(Fixtures.store(limiter: limiter))
    let (before, after) = replay.receiveTogether([
      (Fixtures.insert(2, first: 8, rows: 8), 1), (Fixtures.request(1, count: 8), 2),
    ])
    #expect(before.isEmpty)
    #expect(after.map(\.type) == [.batch, .acknowledgement])
    #expect(replay.machine.telemetry(now: .at(1))["messages_waiting"] == 0)
  }

  @Test func requestsDoNotWaitForMoreThanSomeInserts() throws {
    var replay = try harness(Fixtures.store(capacity: 100_000))
    let rows = 5000
    let frames = (0..<8).map { index in
      Fixtures.insert(UInt64(2 + index), first: UInt64(8 + index * rows), rows: rows, items: 1)
    }
    #expect(frames.map(\.count).reduce(0, +) > 2 * ReplayRound.drainEvery - frames[0].count)
    let round: [(frame: [UInt8], peer: UInt64)] = [(Fixtures.request(1), 2)] + frames.map { ($0, 1) }
    let (before, after) = replay.receiveTogether(round)
    #expect(before.filter { $0.type == .batch }.count == 1)
    #expect(after.allSatisfy { $0.type == .acknowledgement })
  }
}
