// The exchange of totals with the shards.

internal import Experience
internal import Foundations
internal import Wire

extension ShardedSampler {
  /// Whether there is anything to exchange: another shard, or what one that has left took and gave.
  var exchanges: Bool { shards.count > 1 || !shards.isEmpty && ledger.lives.count > 1 }

  func isTotals(_ frame: UnsafeRawBufferPointer) -> Bool {
    var cursor = FrameCursor(frame)
    return (try? cursor.openMessage()) == .totals
  }

  /// Something has changed: the next exchange is soon.
  mutating func hurryExchange(now: Instant) {
    exchangeInterval = configuration.exchangeEvery
    nextExchange = min(nextExchange, now)
  }

  /// Tells every shard of the others, and asks each how it stands.
  mutating func exchange(now: Instant, sink: inout some FrameSink) {
    let able = shards.indices.map { isAble($0, now: now) ? shards[$0].items : 0 }
    let all = able.reduce(0, +)
    for index in shards.indices {
      if shards[index].owesSince == nil { shards[index].owesSince = now }
      guard shards[index].machine.isReady else { continue }
      TotalsRequest(
        table: shards[index].machine.tableIndex, itemsElsewhere: min(Limits.number, all - able[index]),
        lives: ledger.lives
      ).encode(into: scratch)
      sink.send(scratch.bytes, to: shards[index].id)
    }
    nextExchange = now + exchangeInterval
    // While nothing happens, less and less often.
    exchangeInterval = min(
      exchangeInterval + exchangeInterval,
      all > 0 ? configuration.exchangeAtLeastEvery : configuration.exchangeEmptyEvery)
  }

  mutating func receiveTotals(_ frame: UnsafeRawBufferPointer, _ index: Int, now: Instant) {
    var cursor = FrameCursor(frame)
    guard (try? cursor.openMessage()) == .totals, let totals = try? Totals(from: &cursor),
      totals.table == shards[index].machine.tableIndex, shards[index].machine.isReady
    else { return shards[index].machine.noteMalformed() }
    shards[index].mass = totals.mass
    shards[index].items = totals.items
    shards[index].seenAt = now
    var isNew = false
    for entry in totals.lives where ledger.merge(entry) { isNew = true }
    if isNew {
      exchangeInterval = configuration.exchangeEvery
      nextExchange = min(nextExchange, now + exchangeInterval)
    }
  }
}
