// What a shard counts of the others.

import Experience
import Foundations
import ReplayStore
import Testing
import Wire

@testable import Services

@Suite struct FleetTests {
  private func totals(_ life: UInt64, inserts: UInt64, samples: UInt64) -> LifeTotals {
    LifeTotals(life: Fixtures.id(life), inserts: inserts, samples: samples)
  }

  private func request(_ size: UInt64, _ lives: LifeTotals...) -> TotalsRequest {
    TotalsRequest(table: 0, itemsElsewhere: size, error: nil, lives: lives)
  }

  /// Only growth since a life was first heard of counts: nothing jumps, and what is repeated or late changes nothing.
  @Test func onlyGrowthCounts() {
    var fleet = Fleet()
    let own = Fixtures.id(1)
    fleet.take(
      request(50, totals(1, inserts: 9, samples: 9), totals(2, inserts: 100, samples: 40)), own: own,
      now: .at(0))
    #expect((fleet.elsewhere.inserts, fleet.elsewhere.samples) == (0, 0) && fleet.elsewhere.size == 50)
    fleet.take(request(60, totals(2, inserts: 110, samples: 45)), own: own, now: .at(1))
    fleet.take(request(60, totals(2, inserts: 105, samples: 45)), own: own, now: .at(2))
    #expect((fleet.elsewhere.inserts, fleet.elsewhere.samples) == (10, 5))
    // Another life of the same shard begins anew.
    fleet.take(request(60, totals(3, inserts: 1000, samples: 0)), own: own, now: .at(3))
    #expect((fleet.elsewhere.inserts, fleet.elsewhere.samples) == (10, 5))
  }

  /// A table does not begin on what shards had that are gone; flow that was counted stays.
  @Test func sizesAndLivesAreForgotten() {
    var fleet = Fleet()
    fleet.take(request(50, totals(2, inserts: 1, samples: 1)), own: Fixtures.id(1), now: .at(0))
    fleet.take(request(50, totals(2, inserts: 5, samples: 1)), own: Fixtures.id(1), now: .at(0))
    fleet.forget(now: .at(4999))
    #expect(fleet.elsewhere.size == 50)
    fleet.forget(now: .at(5000))
    #expect(fleet.elsewhere.size == 0 && fleet.elsewhere.inserts == 4)
    fleet.forget(now: .at(60_000))
    fleet.take(request(0, totals(2, inserts: 9, samples: 1)), own: Fixtures.id(1), now: .at(60_001))
    #expect(fleet.elsewhere.inserts == 4, "it is heard of for the first time again")
  }
}
