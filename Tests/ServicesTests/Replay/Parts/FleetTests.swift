// What a shard counts of the others.

import Experience
import Foundations
import ReplayStore
import Testing
import Wire

@testable import Services

@Suite struct FleetTests {
  private func totals(
    _ incarnation: UInt64, inserts: UInt64, samples: UInt64, isWaiting: Bool = false
  ) -> IncarnationTotals {
    IncarnationTotals(
      incarnation: Fixtures.id(incarnation), inserts: inserts, samples: samples, isWaiting: isWaiting)
  }

  private func request(_ size: UInt64, _ incarnations: IncarnationTotals...) -> TotalsRequest {
    TotalsRequest(table: 0, remoteItems: size, error: nil, incarnations: incarnations)
  }

  /// Only growth since an incarnation was first heard of counts: the error never jumps, and
  /// repeated or late reports change nothing.
  @Test func onlyGrowthCounts() {
    var fleet = Fleet()
    let own = Fixtures.id(1)
    fleet.receive(
      request(50, totals(1, inserts: 9, samples: 9), totals(2, inserts: 100, samples: 40)), own: own,
      inserts: 0, leadMax: 1000,
      now: .at(0))
    #expect((fleet.remote.inserts, fleet.remote.samples) == (0, 0) && fleet.remote.size == 50)
    fleet.receive(
      request(60, totals(2, inserts: 110, samples: 45)), own: own, inserts: 0, leadMax: 1000, now: .at(1))
    fleet.receive(
      request(60, totals(2, inserts: 105, samples: 45)), own: own, inserts: 0, leadMax: 1000, now: .at(2))
    #expect((fleet.remote.inserts, fleet.remote.samples) == (10, 5))
    // Another incarnation of the same shard begins at 0.
    fleet.receive(
      request(60, totals(3, inserts: 1000, samples: 0)), own: own, inserts: 0, leadMax: 1000, now: .at(3))
    #expect((fleet.remote.inserts, fleet.remote.samples) == (10, 5))
  }

  /// Items of lost shards do not count towards `min_size`. Inserts and samples that were already
  /// counted stay in the totals.
  @Test func sizesAndIncarnationsAreForgotten() {
    var fleet = Fleet()
    fleet.receive(
      request(50, totals(2, inserts: 1, samples: 1)), own: Fixtures.id(1), inserts: 0, leadMax: 1000,
      now: .at(0))
    fleet.receive(
      request(50, totals(2, inserts: 5, samples: 1)), own: Fixtures.id(1), inserts: 0, leadMax: 1000,
      now: .at(0))
    fleet.forget(now: .at(4999))
    #expect(fleet.remote.size == 50)
    fleet.forget(now: .at(5000))
    #expect(fleet.remote.size == 0 && fleet.remote.inserts == 4)
    fleet.forget(now: .at(60_000))
    fleet.receive(
      request(0, totals(2, inserts: 9, samples: 1)), own: Fixtures.id(1), inserts: 0, leadMax: 1000,
      now: .at(60_001))
    #expect(fleet.remote.inserts == 4, "a forgotten incarnation begins again as a new one")
  }

  /// A shard counts how far it is ahead of one whose inserts wait, from when they began to.
  @Test func theLeadOverAShardThatWaits() {
    var fleet = Fleet()
    func receive(_ totals: IncarnationTotals, own: UInt64, at milliseconds: Double) {
      fleet.receive(
        request(0, totals), own: Fixtures.id(1), inserts: own, leadMax: 1000, now: .at(milliseconds))
    }
    receive(totals(2, inserts: 10, samples: 0), own: 1000, at: 0)
    #expect(fleet.lead(inserts: 5000, now: .at(0)) == 0, "it does not wait")
    receive(totals(2, inserts: 10, samples: 0, isWaiting: true), own: 5000, at: 10)
    #expect(fleet.lead(inserts: 5000, now: .at(10)) == 0)
    #expect(fleet.lead(inserts: 5600, now: .at(10)) == 600)
    receive(totals(2, inserts: 400, samples: 0, isWaiting: true), own: 5600, at: 20)
    #expect(fleet.lead(inserts: 5600, now: .at(20)) == 210)
    receive(totals(2, inserts: 400, samples: 0, isWaiting: true), own: 9000, at: 25)
    #expect(fleet.lead(inserts: 9000, now: .at(25)) == 1000, "more is forgiven")
    receive(totals(2, inserts: 1190, samples: 0, isWaiting: true), own: 9000, at: 26)
    receive(totals(2, inserts: 200, samples: 0), own: 9000, at: 30)
    #expect(fleet.lead(inserts: 9000, now: .at(30)) == 210, "a late report changes nothing")
    receive(totals(2, inserts: 1290, samples: 0), own: 9000, at: 40)
    #expect(fleet.lead(inserts: 9000, now: .at(40)) == 110, "it has just waited")
    #expect(fleet.lead(inserts: 9000, now: .at(600)) == 0, "nothing was heard of it for long")
    receive(totals(2, inserts: 1300, samples: 0), own: 9000, at: 700)
    #expect(fleet.lead(inserts: 9000, now: .at(700)) == 0)
  }
}
