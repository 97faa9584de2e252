// The exchange of totals with the shards.

internal import Experience
internal import Foundations
internal import Wire

extension ShardedSampler {
  /// With one shard there is nothing to exchange.
  var exchangesTotals: Bool { shards.count > 1 }

  func isTotals(_ frame: UnsafeRawBufferPointer) -> Bool {
    var cursor = FrameCursor(frame)
    return (try? cursor.openMessage()) == .totals
  }

  /// Makes the next exchange soon, because something has changed.
  mutating func exchangeTotalsSoon(now: Instant) {
    exchangeInterval = configuration.exchangeEvery
    nextExchange = min(nextExchange, now)
  }

  /// Tells every shard the totals of the other shards, and asks for its own.
  ///
  /// Shards that come adopt the error of those that have joined. If none has joined, the shard with
  /// the most inserts founds the fleet with its own error, once all shards that welcomed this
  /// sampler have answered.
  mutating func exchangeTotals(now: Instant, sink: some FrameSink) {
    let known = shards.indices.filter { shards[$0].seenAt != nil && !isGone(shards[$0], now: now) }
    let joined = known.filter { shards[$0].isJoined }
    let founder =
      joined.isEmpty && shards.allSatisfy { !$0.machine.isReady || $0.seenAt != nil }
      ? known.max { (shards[$0].totals?.inserts ?? 0) < (shards[$1].totals?.inserts ?? 0) } : nil
    for index in shards.indices {
      if shards[index].owesSince == nil { shards[index].owesSince = now }
      guard shards[index].machine.isReady else { continue }
      let others = known.filter { $0 != index }
      let errors = joined.filter { $0 != index }.map { shards[$0].error }
      TotalsRequest(
        table: shards[index].machine.tableIndex,
        remoteItems: min(Limits.number, others.reduce(0) { $0 + shards[$1].items }),
        error: index == founder
          ? shards[index].error : errors.isEmpty ? nil : errors.reduce(0, +) / Double(errors.count),
        incarnations: others.compactMap { shards[$0].totals }
      ).encode(into: scratch)
      sink.send(scratch.bytes, to: shards[index].id)
    }
    nextExchange = now + exchangeInterval
    // Less and less often while nothing changes.
    exchangeInterval = min(
      exchangeInterval + exchangeInterval,
      known.contains { shards[$0].items > 0 }
        ? configuration.exchangeAtLeastEvery : configuration.exchangeEmptyEvery)
  }

  mutating func receiveTotals(_ frame: UnsafeRawBufferPointer, _ index: Int, now: Instant) {
    var cursor = FrameCursor(frame)
    guard (try? cursor.openMessage()) == .totals, let totals = try? Totals(from: &cursor),
      totals.table == shards[index].machine.tableIndex, totals.own.incarnation == shards[index].incarnation
    else { return shards[index].machine.counters.malformed += 1 }
    let isFirst = shards[index].seenAt == nil || totals.isJoined != shards[index].isJoined
    shards[index].isJoined = totals.isJoined
    if isFirst || totals.own != shards[index].totals {
      exchangeInterval = configuration.exchangeEvery
      nextExchange = min(nextExchange, isFirst ? now : now + exchangeInterval)
    }
    shards[index].totals = totals.own
    shards[index].error = totals.error
    shards[index].mass = totals.mass
    shards[index].items = totals.items
    shards[index].seenAt = now
  }
}
