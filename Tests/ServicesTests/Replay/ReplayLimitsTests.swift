// The replay machine: limits that change, what they block, and what else has to wait.

import Experience
import Foundations
import ReplayStore
import Testing
import Wire

@testable import Services

@Suite struct ReplayLimitsTests {
  private static let narrow = RateLimiterConfiguration(
    samplesPerInsert: 1, minSize: 1, errorMin: -8, errorMax: 8)

  private func ask(_ request: LimitsRequest) -> [UInt8] { frame { request.encode(into: $0) } }

  @Test func changedLimitsLetInWhatWaits() throws {
    var replay = try ReplayHarness(store: Fixtures.store(limiter: Self.narrow))
    _ = replay.receive(Fixtures.hello(1), from: 1)
    _ = replay.receive(Fixtures.insert(1, first: 0, rows: 8), from: 1)
    #expect(replay.receive(Fixtures.insert(2, first: 8, rows: 8), from: 1, at: 1000).isEmpty)
    let blocked = replay.machine.limiterStates(now: .at(3000))[0]
    #expect(blocked.table == "experience" && blocked.limits == Self.narrow && blocked.size == 7)
    #expect(blocked.insertsBlocked?.seconds == 2 && blocked.samplesBlocked == nil)
    #expect(
      blocked.insertsBlocked?.reason
        == "table 'experience': insert of 7: (7 inserts + 7) × 1.0 − 0 samples = 14.0 > 8.0 (error_max), size 7 ≥ 1 (min_size)"
    )
    // Any client may ask. Nothing given, nothing changed.
    let answer = try #require(replay.receive(ask(LimitsRequest()), from: 9).first?.limits)
    #expect(answer.errorMax == 8 && answer.error == 7 && answer.size == 7 && answer.table == "experience")
    let sent = replay.receive(ask(LimitsRequest(table: "experience", errorMax: 20)), from: 9, at: 4000)
    #expect(sent.compactMap(\.acknowledgement?.committed) == [2])
    let changed = try #require(sent.compactMap(\.limits).first)
    #expect(changed.errorMax == 20 && changed.errorMin == -8 && changed.error == 14)
    #expect(replay.machine.limiterStates(now: .at(4000))[0].insertsBlocked == nil)
    #expect(replay.machine.takeNotices().contains { $0.contains("limits of table 'experience' are now") })
  }

  /// Inserts that are admitted now and then are not blocked for long, even if some message always
  /// waits.
  @Test func whatIsLetInBeginsTheWaitAnew() throws {
    var replay = try ReplayHarness(store: Fixtures.store(limiter: Self.narrow))
    _ = replay.receive(Fixtures.hello(1), from: 1)
    _ = replay.receive(Fixtures.samplerHello(3), from: 3)
    _ = replay.receive(Fixtures.insert(1, first: 0, rows: 8), from: 1)
    _ = replay.receive(Fixtures.insert(2, first: 8, rows: 8), from: 1, at: 1000)
    _ = replay.receive(Fixtures.insert(3, first: 16, rows: 8), from: 1, at: 1500)
    #expect(replay.machine.limiterStates(now: .at(3000))[0].insertsBlocked?.seconds == 2)
    let sent = replay.receive(Fixtures.request(1, count: 8), from: 3, at: 4000)
    #expect(sent.compactMap(\.acknowledgement?.committed) == [2])
    #expect(replay.machine.limiterStates(now: .at(5000))[0].insertsBlocked?.seconds == 1)
  }

  @Test func changedLimitsServeWhatWaits() throws {
    var replay = try ReplayHarness(store: Fixtures.store(minSize: 50))
    _ = replay.receive(Fixtures.hello(1), from: 1)
    _ = replay.receive(Fixtures.samplerHello(3), from: 3)
    _ = replay.receive(Fixtures.insert(1, first: 0, rows: 8), from: 1)
    #expect(replay.receive(Fixtures.request(1, count: 4), from: 3, at: 500).isEmpty)
    let state = replay.machine.limiterStates(now: .at(1500))[0]
    #expect(
      state.samplesBlocked
        == BlockedCalls(
          reason: "table 'experience': sample of 4: size 7 < 50 (min_size)", seconds: 1))
    let sent = replay.receive(ask(LimitsRequest(minSize: 7)), from: 9)
    #expect(sent.map(\.type).contains(.batch))
    #expect(sent.compactMap(\.limits?.minSize) == [7])
  }

  @Test func limitsThatLockAreRefusedWithTheReason() throws {
    var replay = try ReplayHarness(store: Fixtures.store(limiter: Self.narrow))
    func refusal(_ request: LimitsRequest) -> Refusal? {
      replay.receive(ask(request), from: 9).first?.refusal
    }
    let narrower = refusal(LimitsRequest(errorMin: 0))
    #expect(narrower?.code == .invalid && narrower?.type == MessageType.limitsRequest.rawValue)
    #expect(
      narrower?.text.contains("error range [0.0, 8.0] is 8.0 wide: expected at least 16.0") == true,
      "\(String(describing: narrower))")
    #expect(
      refusal(LimitsRequest(samplesPerInsert: 0))?.text.contains(
        "expected a positive number of at most 1000000.0, found 0.0")
        == true)
    #expect(refusal(LimitsRequest(errorMax: .nan))?.text.contains("expected numbers") == true)
    #expect(refusal(LimitsRequest(minSize: 101))?.text.contains("it could never be sampled") == true)
    #expect(refusal(LimitsRequest(table: "x"))?.text == "table: expected one of experience, found 'x'")
    #expect(replay.machine.store.limits == [Self.narrow])
  }

  /// Samplers may report anything of other shards: the answer can still be decoded. Found by
  /// fuzzing.
  @Test func totalsStayReadable() throws {
    var replay = try ReplayHarness(store: Fixtures.store(limiter: Self.narrow))
    _ = replay.receive(Fixtures.hello(1), from: 1)
    _ = replay.receive(Fixtures.samplerHello(3), from: 3)
    _ = replay.receive(Fixtures.insert(1, first: 0, rows: 1), from: 1)
    #expect(
      replay.receive(ask(LimitsRequest(samplesPerInsert: 1e38, errorMax: 1e40)), from: 9).first?.refusal?.code
        == .invalid)
    _ = replay.receive(
      ask(LimitsRequest(samplesPerInsert: 1e6, errorMin: -.infinity, errorMax: .infinity)), from: 9)
    var last: Totals?
    // Each round adds 1024 new incarnations with the most inserts possible, and forgets them.
    for round in 0..<230 as Range<UInt64> {
      for inserts in [0, Limits.number] {
        let incarnations = (0..<UInt64(Limits.shards)).map {
          IncarnationTotals(
            incarnation: Fixtures.id(1000 + round * 1024 + $0), inserts: inserts, samples: 0, isWaiting: false
          )
        }
        let request = TotalsRequest(table: 0, remoteItems: 0, error: nil, incarnations: incarnations)
        let at = Double(round) * 70_000
        let sent = replay.receive(frame { request.encode(into: $0) }, from: 3, at: at)
        last = try #require(sent.first?.totals, "round \(round)")
      }
      _ = replay.advance(at: Double(round) * 70_000 + 65_000)
    }
    #expect(last?.error == Limits.limiterError)
  }

  /// A shard that is ahead of one whose inserts wait leaves it the room; and goes on once that one
  /// has caught up, or nothing is heard of it any more.
  @Test func equalPartsForAShardWhoseInsertsWait() throws {
    let limiter = RateLimiterConfiguration(samplesPerInsert: 1, minSize: 1, errorMin: -50, errorMax: 50)
    var replay = try ReplayHarness(store: Fixtures.store(capacity: 1000, limiter: limiter))
    _ = replay.receive(Fixtures.hello(1), from: 1)
    _ = replay.receive(Fixtures.samplerHello(3), from: 3)
    func tell(_ inserts: UInt64, at milliseconds: Double) -> [Sent] {
      let request = TotalsRequest(
        table: 0, remoteItems: 100, error: 0,
        incarnations: [
          IncarnationTotals(incarnation: Fixtures.id(5), inserts: inserts, samples: inserts, isWaiting: true)
        ])
      return replay.receive(frame { request.encode(into: $0) }, from: 3, at: milliseconds)
    }
    var (sequence, first) = (UInt64(0), UInt64(0))
    /// Inserts 4 items; whether they were accepted at once.
    func insert(at milliseconds: Double) -> Bool {
      sequence += 1
      defer { first += 5 }
      let message = Fixtures.insert(sequence, first: first, rows: 5)
      return !replay.receive(message, from: 1, at: milliseconds).isEmpty
    }
    #expect(insert(at: 0))
    _ = tell(0, at: 1)
    #expect(replay.machine.telemetry(now: .at(1))["inserts_blocked_s"] == 0)
    // A message of the largest size has 8 items here.
    #expect(insert(at: 2) && insert(at: 2) && insert(at: 2))
    #expect(!insert(at: 2), "12 items more than the other shard")
    let reason = replay.machine.limiterStates(now: .at(3))[0].insertsBlocked?.reason
    #expect(
      reason?.contains("inserts of another shard wait, and this shard has inserted 12 items more") == true)
    let caughtUp = tell(8, at: 4)
    #expect(caughtUp.contains { $0.acknowledgement?.committed == 5 })
    #expect(insert(at: 5) && !insert(at: 5))
    #expect(replay.machine.nextDeadline(now: .at(5)) <= .at(505))
    #expect(replay.advance(at: 505).contains { $0.acknowledgement?.committed == 7 }, "nothing is heard of it")
  }

  @Test func aTableThatWaitsHoldsUpNoOther() throws {
    var store = Fixtures.store(minSize: 50)
    var other = store.tables[0]
    other.schema.name = "other"
    other.limiter = .unlimited()
    store.tables.append(other)
    let tables = store.tables.map(\.schema)
    var replay = try ReplayHarness(store: store)
    _ = replay.receive(Fixtures.hello(1, tables: tables), from: 1)
    _ = replay.receive(Fixtures.samplerHello(3, tables: tables), from: 3)
    _ = replay.receive(Fixtures.samplerHello(4, tables: tables), from: 4)
    _ = replay.receive(Fixtures.insert(1, first: 0, rows: 8, table: 1), from: 1)
    #expect(replay.receive(Fixtures.request(1, count: 4, table: 0), from: 3).isEmpty)
    #expect(replay.receive(Fixtures.request(2, count: 4, table: 0), from: 3).isEmpty)
    #expect(replay.receive(Fixtures.request(1, count: 4, table: 1), from: 4).map(\.type) == [.batch])
    #expect(replay.machine.telemetry(now: .at(0))["requests_waiting"] == 2)
    // In their order, once they are admitted.
    let sent = replay.receive(ask(LimitsRequest(table: "experience", minSize: 1)), from: 9)
    #expect(sent.filter { $0.type == .batch }.isEmpty, "it is empty")
    let served = replay.receive(Fixtures.insert(2, first: 8, rows: 8, table: 0), from: 1)
    #expect(served.compactMap(\.batch).map { $0.request } == [1, 2])
  }

  @Test func noMoreBytesWaitThanMay() throws {
    let frameBytes = Fixtures.insert(2, first: 8, rows: 8).count
    var replay = try ReplayHarness(store: Fixtures.store(limiter: Self.narrow)) {
      $0.waitingBytesMax = frameBytes * 2 + frameBytes / 2
    }
    for writer in 1...4 { _ = replay.receive(Fixtures.hello(UInt64(writer)), from: UInt64(writer)) }
    _ = replay.receive(Fixtures.samplerHello(9), from: 9)
    _ = replay.receive(Fixtures.insert(1, first: 0, rows: 8), from: 1)
    for writer in [1, 2] as [UInt64] {
      #expect(
        replay.receive(Fixtures.insert(writer == 1 ? 2 : 1, first: 8, rows: 8), from: writer).isEmpty)
    }
    let refused = replay.receive(Fixtures.insert(1, first: 0, rows: 8), from: 3)
    #expect(refused.map(\.refusal?.code) == [.busy])
    let telemetry = replay.machine.telemetry(now: .at(0))
    #expect(telemetry["message_bytes_waiting"] == Double(2 * frameBytes))
    #expect(telemetry["messages_over_budget_total"] == 1 && telemetry["messages_waiting"] == 2)
    // It is sent again once there is room.
    _ = replay.receive(Fixtures.request(1, count: 8), from: 9)
    _ = replay.receive(Fixtures.request(2, count: 8), from: 9)
    #expect(replay.machine.telemetry(now: .at(0))["message_bytes_waiting"] == 0)
    #expect(
      replay.receive(Fixtures.insert(1, first: 0, rows: 2), from: 3).map(\.acknowledgement?.committed) == [1])
  }

  /// A message larger than the budget is kept if it is alone: otherwise inserts would stop for
  /// ever.
  @Test func oneMessageAlwaysWaits() throws {
    var replay = try ReplayHarness(store: Fixtures.store(limiter: Self.narrow)) { $0.waitingBytesMax = 1 }
    _ = replay.receive(Fixtures.hello(1), from: 1)
    _ = replay.receive(Fixtures.insert(1, first: 0, rows: 8), from: 1)
    #expect(replay.receive(Fixtures.insert(2, first: 8, rows: 8), from: 1).isEmpty)
    #expect(replay.machine.telemetry(now: .at(0))["messages_waiting"] == 1)
  }
}

extension Sent {
  fileprivate var limits: LimitsAnswer? { type == .limits ? read { try LimitsAnswer(from: &$0) } : nil }
  fileprivate var totals: Totals? { type == .totals ? read { try Totals(from: &$0) } : nil }
  fileprivate var batch: BatchHeader? { type == .batch ? read { try Batch(from: &$0).header } : nil }
}
