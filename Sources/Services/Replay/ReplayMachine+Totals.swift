// What this shard knows of the others.

internal import Experience
internal import Foundations
internal import ReplayStore
internal import Wire

extension ReplayMachine {
  /// Takes what a sampler has seen of other shards, so that the limiter of the table keeps to the totals of all, and says how it stands here.
  mutating func totals(
    _ request: TotalsRequest, from peer: PeerID, now: Instant, sink: inout some FrameSink
  ) {
    guard samplers[peer] != nil else {
      return refuse(.unknownPeer, .totalsRequest, 0, "say HELLO first", peer, &sink)
    }
    samplers[peer]?.lastHeard = now
    guard request.table < configuration.store.tables.count else {
      let text = "expected a table below \(configuration.store.tables.count), found \(request.table)"
      return refuse(.invalid, .totalsRequest, 0, text, peer, &sink)
    }
    for entry in request.lives where entry.life != life { fleets[request.table].ledger.merge(entry) }
    fleets[request.table].sizeElsewhere = request.itemsElsewhere
    fleets[request.table].heardAt = now
    limitByFleet(request.table)
    answerTotals(request.table, to: peer, sink: &sink)
    drain(now: now, sink: &sink)
  }

  private func answerTotals(_ table: Int, to peer: PeerID, sink: inout some FrameSink) {
    let statistics = store.statistics.tables
    let own = table < statistics.count ? statistics[table] : nil
    let totals = LifeTotals(
      life: life, inserts: min(Limits.number, own?.itemsInserted ?? 0),
      samples: min(Limits.number, own?.itemsSampled ?? 0))
    Totals(
      table: table, mass: own?.mass ?? 0, items: UInt64(own?.size ?? 0),
      lives: [totals] + fleets[table].ledger.lives.suffix(Limits.lives - 1)
    ).encode(into: scratch)
    sink.send(scratch.bytes, to: peer)
  }

  private func limitByFleet(_ table: Int) {
    let sum = fleets[table].ledger.sum(without: life)
    store.setElsewhere(
      ItemsElsewhere(
        inserts: sum.inserts, samples: sum.samples, size: Int(clamping: fleets[table].sizeElsewhere)),
      table: table)
  }

  /// What no sampler has confirmed for a while is there no more: a table does not start on the items of shards that are gone. What
  /// they took and gave stays counted.
  mutating func forgetSizesElsewhere(now: Instant) {
    for table in fleets.indices where fleets[table].sizeElsewhere > 0 {
      guard now >= fleets[table].heardAt + .seconds(5) else { continue }
      fleets[table].sizeElsewhere = 0
      limitByFleet(table)
    }
  }

  /// What is known of the other shards of one table.
  struct Fleet {
    var ledger = FleetLedger()
    var sizeElsewhere: UInt64 = 0
    var heardAt = Instant.zero
  }
}
