// The replay machine: no writer crowds out the others.

import Experience
import Foundations
import ReplayStore
import Testing
import Wire

@testable import Services

@Suite struct ReplayQuotaTests {
  private func harness(share: Double, capacity: Int = 100) throws -> ReplayHarness {
    var store = Fixtures.store(capacity: capacity)
    store.writerQuota = share
    var replay = try ReplayHarness(store: store) { $0.credit = 8 }
    for writer in 1...4 { _ = replay.receive(Fixtures.hello(UInt64(writer)), from: UInt64(writer)) }
    return replay
  }

  /// A writer that numbers its messages.
  private struct Feed {
    let peer: UInt64
    var sequence: UInt64 = 0
    var step: UInt64 = 0

    /// Sends one message of 5 steps. True if some message of this writer was acknowledged.
    mutating func send(_ replay: inout ReplayHarness, at milliseconds: Double) -> [Sent] {
      sequence += 1
      defer { step += 5 }
      return replay.receive(Fixtures.insert(sequence, first: step, rows: 5), from: peer, at: milliseconds)
    }
  }

  private func steps(_ replay: ReplayHarness, _ handle: Int) -> Int {
    replay.machine.store.steps(ofWriter: handle)
  }

  @Test func aFloodWaitsWhereOthersWouldLoseTheirSteps() throws {
    var replay = try harness(share: 0.25)
    var (flood, second, third) = (Feed(peer: 1), Feed(peer: 2), Feed(peer: 3))
    // Until the ring is full it may fill all of it.
    for _ in 0..<16 { #expect(flood.send(&replay, at: 0).count == 1) }
    for _ in 0..<2 { #expect(second.send(&replay, at: 0).count == 1) }
    for _ in 0..<2 { #expect(third.send(&replay, at: 0).count == 1) }
    #expect([0, 1, 2].map { steps(replay, $0) } == [80, 10, 10])
    // The three others fill their parts of it before it may go on.
    #expect(flood.send(&replay, at: 0).isEmpty)
    #expect(flood.send(&replay, at: 0).isEmpty)
    #expect(replay.machine.telemetry(now: .at(0))["messages_over_quota_total"] == 1)
    #expect(replay.machine.telemetry(now: .at(0))["inserts_blocked_s"] == 0, "no limiter holds it")
    for round in 0..<10 {
      let sent = round % 2 == 0 ? second.send(&replay, at: 100) : third.send(&replay, at: 100)
      #expect(sent.first?.acknowledgement != nil, "no quota holds it")
      // Below a third again, it may replace its oldest steps: both messages go in.
      #expect(sent.count == (round == 9 ? 3 : 1), "round \(round)")
    }
    #expect([0, 1, 2].map { steps(replay, $0) } == [30, 35, 35])
  }

  /// Each writer keeps its part, no matter which one floods.
  @Test func inTheLongRunItOwnsItsShare() throws {
    var replay = try harness(share: 0.3, capacity: 400)
    var feeds = (1...4).map { Feed(peer: UInt64($0)) }
    for round in 0..<400 {
      let now = Double(round * 10)
      // Ten times as many as the others send.
      for _ in 0..<10 where replay.machine.writers[0]!.waiting == 0 { _ = feeds[0].send(&replay, at: now) }
      var sent: [Sent] = []
      for other in 1..<4 where replay.machine.writers[other]!.waiting == 0 {
        sent += feeds[other].send(&replay, at: now)
      }
      #expect(!sent.isEmpty, "somebody always goes on")
      #expect(replay.machine.store.checkedSteps == replay.machine.store.statistics.steps)
    }
    let owned = (0..<4).map { steps(replay, $0) }
    #expect(owned.reduce(0, +) == replay.machine.store.statistics.steps)
    #expect(owned[0] <= 125, "\(owned)")
    for other in 1..<4 { #expect(owned[other] >= 80, "\(owned)") }
  }

  @Test func theSilentLeaveTheirShareToTheRest() throws {
    var replay = try harness(share: 0.25)
    var (flood, second) = (Feed(peer: 1), Feed(peer: 2))
    for _ in 0..<10 { _ = second.send(&replay, at: 0) }
    for _ in 0..<10 { _ = flood.send(&replay, at: 0) }
    #expect(flood.send(&replay, at: 0).isEmpty)
    #expect(replay.machine.nextDeadline(now: .at(0)) == .at(1000))
    #expect(replay.advance(at: 1000).isEmpty)
    // Two seconds later no other writer has been heard.
    #expect(replay.advance(at: 2000).compactMap(\.acknowledgement?.committed) == [11])
    for _ in 0..<40 { #expect(flood.send(&replay, at: 2600).count == 1) }
    #expect([0, 1].map { steps(replay, $0) } == [100, 0])
    // It is back, and gets its part.
    for _ in 0..<5 { #expect(second.send(&replay, at: 2700).count == 1) }
    #expect([0, 1].map { steps(replay, $0) } == [75, 25])
  }

  @Test func withoutAQuotaNothingIsCounted() throws {
    var replay = try harness(share: 1)
    var flood = Feed(peer: 1)
    for _ in 0..<50 { #expect(flood.send(&replay, at: 0).count == 1) }
    #expect(steps(replay, 0) == 0)
  }
}

extension ReplayStore {
  /// The steps of all four writers.
  fileprivate var checkedSteps: Int { (0..<4).reduce(0) { $0 + steps(ofWriter: $1) } }
}
