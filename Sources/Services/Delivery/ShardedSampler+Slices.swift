// Who gives which rows, and what becomes of the shares of a shard that is gone.

internal import Foundations
internal import Wire

extension ShardedSampler {
  /// Whether a shard can be asked for rows now.
  func isAble(_ index: Int, now: Instant) -> Bool {
    let shard = shards[index]
    // A single one is asked whatever it has: there is nobody else.
    if shards.count == 1 { return shard.machine.isReady }
    guard shard.machine.isReady, shard.seenAt != nil, !isGone(shard, now: now) else { return false }
    let rows = configuration.sampler.items
    return shard.items >= (configuration.isConsumed ? UInt64((rows + shards.count - 1) / shards.count) : 1)
  }

  func isGone(_ shard: SampledShard, now: Instant) -> Bool {
    shard.owesSince.map { now >= $0 + configuration.goneAfter } ?? false
  }

  /// Splits rows of a batch over shards and asks them. `fraction` is the part of the batch that these rows were expected to be.
  mutating func split(
    _ batch: SampledBatch, rows: Range<Int>, fraction: Double, among able: [Int], now: Instant,
    sink: some FrameSink
  ) {
    var weights = able.map { configuration.split.weight(mass: shards[$0].mass, items: shards[$0].items) }
    // Without any mass every item alike, as a table does it.
    if weights.allSatisfy({ $0 == 0 }) { weights = able.map { Double(shards[$0].items) } }
    let fractions = ShardSplit.fractions(weights)
    let counts = ShardSplit.counts(of: rows.count, fractions: fractions, start: generator.uniform())
    var firstRow = rows.lowerBound
    for (place, index) in able.enumerated() {
      // Also those that have no rows this time: more may come to be expected of them.
      batch.slices.append(
        BatchSlice(
          shard: shards[index].id, firstRow: firstRow, count: counts[place],
          fraction: fraction * fractions[place], askedAt: now))
      firstRow += counts[place]
      if counts[place] > 0 {
        shards[index].machine.ask(batch, slice: batch.slices.count - 1, now: now, sink: sink)
      }
    }
  }

  /// Gives shares to others whose shard has left, is silent, or has nothing. Where nobody else has anything, they wait.
  mutating func moveSlices(now: Instant, sink: some FrameSink) {
    var orphans = 0
    for batch in open {
      // Those that are added on the way are new.
      for number in batch.slices.indices where !batch.slices[number].isWhole {
        let slice = batch.slices[number]
        guard isLost(slice, now: now) else { continue }
        let able = shards.indices.filter { shards[$0].id != slice.shard && isAble($0, now: now) }
        guard !able.isEmpty else {
          if index(of: slice.shard) == nil { orphans += 1 }
          continue
        }
        if let index = index(of: slice.shard) { shards[index].machine.forget(batch, slice: number) }
        batch.slices[number].isMoved = true
        batch.slices[number].fraction = 0
        counters.slicesMoved += 1
        counters.rowsMoved += UInt64(slice.count)
        split(
          batch, rows: slice.firstRow..<slice.firstRow + slice.count, fraction: slice.fraction, among: able,
          now: now, sink: sink)
      }
    }
    hasOrphans = orphans > 0
  }

  private func isLost(_ slice: BatchSlice, now: Instant) -> Bool {
    guard let index = index(of: slice.shard) else { return true }
    let shard = shards[index]
    if isGone(shard, now: now) { return true }
    // It lives, and has said since that it cannot: the limiter is no reason, for it holds back all alike.
    guard let seenAt = shard.seenAt, seenAt >= slice.askedAt + configuration.emptyAfter else { return false }
    return shard.items < (configuration.isConsumed ? UInt64(slice.count) : 1)
  }
}
