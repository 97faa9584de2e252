// Which shard serves which rows, and who serves the slices of a shard that is gone.

internal import Foundations
internal import Wire

extension ShardedSampler {
  /// Whether a shard can be asked for rows now.
  func isAble(_ index: Int, now: Instant) -> Bool {
    let shard = shards[index]
    // A single shard is asked no matter what it has.
    if shards.count == 1 { return shard.machine.isReady }
    guard shard.machine.isReady, shard.seenAt != nil, !isGone(shard, now: now) else { return false }
    let rows = configuration.sampler.items
    return shard.items >= (configuration.isConsumed ? UInt64((rows + shards.count - 1) / shards.count) : 1)
  }

  func isGone(_ shard: SampledShard, now: Instant) -> Bool {
    shard.owesSince.map { now >= $0 + configuration.goneAfter } ?? false
  }

  /// Splits rows of a batch over shards and asks them.
  /// - Parameter fraction: the fraction of the batch that these rows were expected to be.
  mutating func split(
    _ batch: SampledBatch, rows: Range<Int>, fraction: Double, among able: [Int], now: Instant,
    sink: some FrameSink
  ) {
    var weights = able.map { configuration.split.weight(mass: shards[$0].mass, items: shards[$0].items) }
    // Without any mass all items weigh the same, as in a table.
    if weights.allSatisfy({ $0 == 0 }) { weights = able.map { Double(shards[$0].items) } }
    let fractions = ShardSplit.fractions(weights)
    let counts = ShardSplit.counts(of: rows.count, fractions: fractions, start: generator.uniform())
    var firstRow = rows.lowerBound
    for (number, index) in able.enumerated() {
      // Also for shards without rows this time: `finish` needs their fractions if rows move to
      // them.
      batch.slices.append(
        BatchSlice(
          shard: shards[index].id, firstRow: firstRow, count: counts[number],
          fraction: fraction * fractions[number], askedAt: now))
      firstRow += counts[number]
      if counts[number] > 0 {
        shards[index].machine.ask(batch, slice: batch.slices.count - 1, now: now, sink: sink)
      }
    }
  }

  /// Moves slices whose shard has left, is silent or has nothing to other shards. If no other shard
  /// has anything, they wait.
  mutating func moveSlices(now: Instant, sink: some FrameSink) {
    var orphans = 0
    for batch in open {
      // Slices added meanwhile are not visited.
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
    // The shard answers, and has said since that it has too few items. A limiter is no reason to
    // move: it blocks all shards alike.
    guard let seenAt = shard.seenAt, seenAt >= slice.askedAt + configuration.emptyAfter else { return false }
    return shard.items < (configuration.isConsumed ? UInt64(slice.count) : 1)
  }
}
