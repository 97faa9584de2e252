// Limits that hold for all shards together.

internal import Experience
internal import Foundations
internal import ReplayStore
internal import Wire

extension ReplayMachine {
  /// Receives the other shards' totals of a table, which a sampler carries, and answers with this
  /// shard's totals.
  ///
  /// A shard that has joined the fleet counts the same inserts and samples as the other shards. But
  /// it joins a little before or after they hear of it, so the errors of the shards differ a
  /// little. A shard that blocks inserts or samples moves its error half way to the other shards'
  /// error each time. So it cannot happen that one shard blocks inserts and another blocks samples
  /// for good.
  ///
  /// A table with `max_times_sampled` is limited by each shard alone: this shard cannot serve
  /// samples of another shard's items.
  mutating func totals(
    _ request: TotalsRequest, from peer: PeerID, now: Instant, sink: some FrameSink
  ) {
    guard samplers[peer] != nil else {
      return refuseStranger(.totalsRequest, 0, as: .sampler, peer, sink)
    }
    samplers[peer]?.lastHeard = now
    let (table, tables) = (request.table, configuration.store.tables)
    guard table < tables.count else {
      let text = "expected a table below \(tables.count), found \(table)"
      return refuse(.invalid, .totalsRequest, 0, text, peer, sink)
    }
    fleets[table].receive(
      request, own: incarnation, inserts: store.itemsInserted(table: table),
      leadMax: 2 * leadAllowed(table), now: now)
    if table == pacer?.configuration.table { pacer?.shards = fleets[table].shardCount(now: now) }
    if store.schema != nil {
      let isLimitedAlone = tables[table].timesSampledMax > 0
      store.setRemote(fleets[table].remote, countsFlow: !isLimitedAlone, table: table)
      if let error = request.error, !isLimitedAlone { join(table, error) }
    }
    answerTotals(table, to: peer, sink: sink)
    drain(now: now, sink: sink)
  }

  private mutating func join(_ table: Int, _ error: Double) {
    guard fleets[table].isJoined else {
      fleets[table].isJoined = true
      return store.setLimiterError(error, table: table)
    }
    let isBlocking = waitingInserts.block != nil || waitingSamples.first(of: table) != nil
    guard isBlocking, let own = store.statistics.tables.dropFirst(table).first?.limiterError else { return }
    store.setLimiterError(own + (error - own) / 2, table: table)
  }

  private func answerTotals(_ table: Int, to peer: PeerID, sink: some FrameSink) {
    let statistics = store.statistics.tables
    let own = table < statistics.count ? statistics[table] : nil
    Totals(
      table: table, mass: own?.mass ?? 0, items: UInt64(own?.size ?? 0), isJoined: fleets[table].isJoined,
      // Bounded, because samplers report the other shards' totals, and may report anything.
      error: min(max(own?.limiterError ?? 0, -Limits.limiterError), Limits.limiterError),
      own: IncarnationTotals(
        incarnation: incarnation, inserts: min(Limits.number, own?.itemsInserted ?? 0),
        samples: min(Limits.number, own?.itemsSampled ?? 0),
        isWaiting: waitingInserts.block?.table == table)
    ).encode(into: scratch)
    sink.send(scratch.bytes, to: peer)
  }

  /// Why a message has to wait although the limiter admits it: inserts of another shard wait, and
  /// this shard is ahead of it. Nil if it need not wait.
  ///
  /// Only while the error is above the lowest quarter of its range: below it samples would soon
  /// wait.
  func reasonToYield(now: Instant) -> (table: Int, reason: String)? {
    for block in insertion.items where block.count > 0 && fleets.indices.contains(block.table) {
      guard fleets[block.table].isJoined else { continue }
      let (table, limits) = (block.table, store.limits[block.table])
      guard limits.errorMax.isFinite,
        let error = store.limiterError(table: table),
        error > limits.errorMin + (limits.errorMax - limits.errorMin) / 4
      else { continue }
      let lead = fleets[table].lead(inserts: store.itemsInserted(table: table), now: now)
      guard lead > Double(leadAllowed(table)) else { continue }
      return (
        table,
        "inserts of another shard wait, and this shard has inserted \(Int(lead)) items more since they do"
      )
    }
    return nil
  }

  /// Items that a shard may insert more than one whose inserts wait: a message of the largest size.
  private func leadAllowed(_ table: Int) -> UInt64 {
    UInt64(configuration.store.tables[table].itemsPerMessageMax)
  }

  mutating func forgetOthers(now: Instant) {
    for table in fleets.indices {
      fleets[table].forget(now: now)
      let isLimitedAlone = configuration.store.tables[table].timesSampledMax > 0
      store.setRemote(fleets[table].remote, countsFlow: !isLimitedAlone, table: table)
    }
  }
}
