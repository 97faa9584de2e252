// A learner's side of sampling from all shards of a replay.

internal import Experience
public import Foundations
public import Wire

/// Batches from the shards of a replay, which come and go, with the distribution that one store of
/// all items would have.
///
/// A batch is split over the shards by systematic sampling on their last known masses. Each shard
/// draws its rows by its own mass at that moment. So P(i) = f · pᵢ / mass, where f is the fraction
/// of the batch that the split expected of the shard; this holds even if masses have changed
/// meanwhile. A shard that holds its rows back delays the batch. If that shard is gone or has
/// nothing to serve, its slice moves to the other shards.
///
/// With several shards, the sampler tells each shard the totals of the other shards, so that all
/// limit on the totals of the fleet.
///
/// With `isExclusive` it samples from one shard of its own, which `ShardSearch` finds. Then
/// probabilities and limits are those of that shard alone.
public struct ShardedSampler {
  /// How a sampler splits batches, and how long it waits for shards.
  public struct Configuration: Sendable {
    /// For each shard's machine, which sets `service` itself.
    public var sampler: SamplerMachine.Configuration
    /// How a batch is split over the shards.
    public var split = ShardSplit.mass
    /// Items are removed after a number of samples: a shard cannot draw more rows than it has
    /// items.
    public var isConsumed = false
    /// Samples from one shard, of which no other learner has any rows (`replay.binding: own`).
    public var isExclusive = false
    /// Batches that are requested, wait or are trained on at a time, one of several shards; nil:
    /// one more than are in flight.
    public var batchesMax: Int?
    /// Shards that answer nothing for this long are skipped. A restart takes less.
    public var goneAfter = Instant.Span.seconds(2)
    /// How long a shard that answers but has nothing to serve may delay a batch.
    public var emptyAfter = Instant.Span.seconds(1)
    /// Time between two exchanges of totals while they change. What is inserted and sampled in that
    /// time is how far the fleet may leave its limits.
    public var exchangeEvery = Instant.Span.milliseconds(5)
    /// The same while nothing changes.
    public var exchangeAtLeastEvery = Instant.Span.milliseconds(250)
    /// The same while no shard has any items: a learner waits for the first.
    public var exchangeEmptyEvery = Instant.Span.milliseconds(50)

    public init(sampler: SamplerMachine.Configuration) {
      self.sampler = sampler
    }
  }

  /// What a sampler has counted.
  public struct Counters: Sendable {
    /// Batches completed.
    public var batches: UInt64 = 0
    /// Slices of batches that moved to other shards, and their rows.
    public var slicesMoved: UInt64 = 0
    public var rowsMoved: UInt64 = 0
    /// Shards added and removed by `setShards`, the first ones included.
    public var shardsJoined: UInt64 = 0
    public var shardsLeft: UInt64 = 0
  }

  /// What the sampler was started with.
  public let configuration: Configuration
  /// What the sampler has counted itself; `samplerCounters` has the shards' part.
  public internal(set) var counters = Counters()
  /// Finds the only shard; nil if all shards are sampled from.
  var search: ShardSearch?
  var shards: [SampledShard] = []
  /// Batches that miss rows, oldest first.
  var open: [SampledBatch] = []
  private var ready: [SampledBatch] = []
  private var spare: [SampledBatch]
  var generator: SeededGenerator
  /// There may be slices of shards that have left.
  var hasOrphans = false
  /// Counters of shards that have left.
  private var past = SamplerMachine.Counters()
  var exchangeInterval: Instant.Span
  var nextExchange: Instant
  let scratch = FrameWriter(capacity: 1 << 12)

  /// Begins without shards; `setShards` adds them.
  public init(configuration: Configuration, generator: SeededGenerator, now: Instant) {
    self.configuration = configuration
    self.generator = generator
    exchangeInterval = configuration.exchangeEvery
    nextExchange = now
    let sampler = configuration.sampler
    search = configuration.isExclusive ? ShardSearch(for: sampler) : nil
    // One more than are in flight: the learner trains on that one.
    spare = (0..<(configuration.batchesMax ?? sampler.inFlight + 1)).map { _ in
      SampledBatch(batch: sampler.batch, batches: sampler.batchesPerRequest)
    }
  }

  /// Why a shard refuses this sampler for good, if one does.
  public var refusal: Refusal? { search?.refusal ?? shards.lazy.compactMap(\.machine.refusal).first }
  /// Some shard has welcomed it, or all have answered that they have another learner.
  public var isReady: Bool { shards.contains { $0.machine.isReady } || search?.isFull == true }

  /// Shards that can be asked for rows now; a single one always can.
  public func shardCount(now: Instant) -> Int {
    shards.count == 1 ? 1 : shards.indices.count { isAble($0, now: now) }
  }

  /// The sum over all shards, those that have left included.
  public var samplerCounters: SamplerMachine.Counters { shards.reduce(past) { $0 + $1.machine.counters } }
}

extension ShardedSampler {
  /// Sets the shards that there are now.
  public mutating func setShards(_ ids: [PeerID], now: Instant, sink: some FrameSink) {
    guard search != nil else { return use(ids, now: now, sink: sink) }
    search?.setShards(ids, now: now)
    followSearch(now: now, sink: sink)
  }

  /// Samples from these shards from now on.
  mutating func use(_ ids: [PeerID], now: Instant, sink: some FrameSink) {
    for index in shards.indices.reversed() where !ids.contains(shards[index].id) {
      hasOrphans = true
      shards[index].machine.leave(sink: sink)
      past = past + shards[index].machine.counters
      shards.remove(at: index)
      counters.shardsLeft += 1
    }
    for id in ids where !shards.contains(where: { $0.id == id }) {
      var configuration = configuration.sampler
      configuration.service = id
      shards.append(SampledShard(machine: SamplerMachine(configuration: configuration, now: now)))
      counters.shardsJoined += 1
      // A shard that comes back may still owe rows.
      for batch in open {
        for (number, slice) in batch.slices.enumerated() where slice.shard == id && !slice.isWhole {
          shards[shards.count - 1].machine.ask(batch, slice: number, now: now, sink: sink)
        }
      }
    }
    exchangeTotalsSoon(now: now)
    moveSlices(now: now, sink: sink)
  }

  /// Removes the next complete batch, nil if none is complete; give it back with `release`.
  public mutating func popBatch() -> SampledBatch? {
    ready.isEmpty ? nil : ready.removeFirst()
  }

  /// Tells all shards which weights the next batch is trained on, and how stale all before were.
  mutating func report(version: UInt64, trained: TrainedStaleness, sink: some FrameSink) {
    for index in shards.indices {
      let id = shards[index].id
      let held = ready.lazy.flatMap(\.slices).filter { $0.shard == id && $0.count > 0 && !$0.isMoved }
      shards[index].machine.report(
        version: version, trained: trained, before: held.map(\.request).min(), sink: sink)
    }
  }

  /// Takes a batch back, and requests another.
  public mutating func release(_ batch: SampledBatch, now: Instant, sink: some FrameSink) {
    spare.append(batch)
    request(now: now, sink: sink)
  }

  /// Writes raw priorities of a batch's rows back, each to the shard that drew its item; NaN leaves
  /// a priority as it is.
  public mutating func update(
    _ batch: SampledBatch, priorities: UnsafeBufferPointer<Float>, sink: some FrameSink
  ) {
    precondition(priorities.count == batch.rows, "expected a priority for each row")
    for slice in batch.slices where slice.count > 0 && !slice.isMoved {
      batch.withPriorities(of: slice, from: priorities.baseAddress!) { write($0, to: slice, sink) }
    }
  }

  /// Sets the priority of items to 0 whose batches were released meanwhile.
  mutating func zero(_ rows: [SampledRow], sink: some FrameSink) {
    for row in rows {
      var slice = BatchSlice(shard: row.shard, count: 1)
      slice.incarnation = row.incarnation
      withUnsafePointer(to: row.key) { key in
        withUnsafePointer(to: Float.zero) {
          write(ItemPriorities(count: 1, keys: key, values: $0), to: slice, sink)
        }
      }
    }
  }

  private mutating func write(_ priorities: ItemPriorities, to slice: BatchSlice, _ sink: some FrameSink) {
    guard let index = index(of: slice.shard) else {
      return past.prioritiesDropped += UInt64(priorities.count)
    }
    shards[index].machine.update(priorities, drawnBy: slice.incarnation, sink: sink)
  }

  /// Receives a frame of a shard.
  public mutating func receive(
    _ frame: UnsafeRawBufferPointer, from shard: PeerID, now: Instant, sink: some FrameSink
  ) {
    if search(frame, from: shard, now: now, sink: sink) { return }
    guard let index = index(of: shard) else { return past.strays += 1 }
    shards[index].owesSince = nil
    if isTotals(frame) {
      receiveTotals(frame, index, now: now)
      // The totals may name items to ask for.
      return request(now: now, sink: sink)
    }
    if let batch = shards[index].machine.receive(frame, now: now, sink: sink) {
      completeSlice(of: batch, index)
    }
    if shards[index].incarnation != shards[index].machine.incarnation { begin(index, now: now, sink: sink) }
  }

  /// Does what is due by time. Call it at `nextDeadline` or earlier.
  public mutating func advance(to now: Instant, sink: some FrameSink) {
    search?.advance(to: now, sink: sink)
    followSearch(now: now, sink: sink)
    for index in shards.indices { shards[index].machine.advance(to: now, sink: sink) }
    if exchangesTotals, now >= nextExchange {
      exchangeTotals(now: now, sink: sink)
      moveSlices(now: now, sink: sink)
    } else if hasOrphans {
      moveSlices(now: now, sink: sink)
    }
    request(now: now, sink: sink)
  }

  /// When `advance` is due at the latest.
  public func nextDeadline(now: Instant) -> Instant {
    var deadline = min(exchangesTotals ? nextExchange : .never, search?.nextDeadline ?? .never)
    for shard in shards { deadline = min(deadline, shard.machine.nextDeadline(now: now)) }
    return deadline
  }

  /// Says GOODBYE to all shards.
  public mutating func leave(sink: some FrameSink) {
    search?.leave(sink: sink)
    for index in shards.indices { shards[index].machine.leave(sink: sink) }
  }
}

extension ShardedSampler {
  func index(of shard: PeerID) -> Int? { shards.firstIndex { $0.id == shard } }

  /// Starts over with a new incarnation of a shard.
  private mutating func begin(_ index: Int, now: Instant, sink: some FrameSink) {
    shards[index].begin()
    exchangeTotalsSoon(now: now)
    request(now: now, sink: sink)
  }

  /// A slice of a batch has become whole, and perhaps the batch.
  private mutating func completeSlice(of batch: SampledBatch, _ index: Int) {
    if batch.slices.count > 1 {
      let id = shards[index].id
      for slice in batch.slices where slice.shard == id && slice.count > 0 && slice.isWhole && !slice.isMoved
      {
        shards[index].mass = slice.mass
        shards[index].items = slice.itemCount
      }
      guard batch.isWhole else { return }
      finish(batch)
    }
    open.removeAll { $0 === batch }
    ready.append(batch)
    counters.batches += UInt64(batch.batches)
  }

  /// Turns the shards' probabilities into those of all items together, and sums the shards' totals.
  private func finish(_ batch: SampledBatch) {
    batch.mass = shards.reduce(0) { $0 + $1.mass }
    batch.itemCount = shards.reduce(0) { $0 + $1.items }
    guard configuration.split.isRandom else { return }
    for slice in batch.slices where slice.count > 0 && !slice.isMoved {
      // Rows that moved to a shard add to the fraction that was expected of it at first.
      let fraction = Float(batch.slices.reduce(0) { $1.shard == slice.shard ? $0 + $1.fraction : $0 })
      for row in slice.firstRow..<slice.firstRow + slice.count {
        batch.probabilities[batch.index(ofDrawn: row)] *= fraction
      }
    }
  }

  /// Keeps batches in flight while some shard can be asked.
  private mutating func request(now: Instant, sink: some FrameSink) {
    guard !shards.isEmpty, open.count < configuration.sampler.inFlight, !spare.isEmpty else { return }
    if shards.count == 1 {
      // How many it may ask for is known only after the welcome.
      while shards[0].machine.isReady, open.count < shards[0].machine.credit, let batch = spare.popLast() {
        batch.assignWhole(to: shards[0].id)
        open.append(batch)
        shards[0].machine.ask(batch, slice: 0, now: now, sink: sink)
      }
      return
    }
    if let most = configuration.batchesMax, spare.count < most { return }
    let able = shards.indices.filter { isAble($0, now: now) }
    var credit = able.map { shards[$0].machine.credit }.min() ?? 0
    if configuration.batchesMax != nil { credit = min(credit, 1) }
    while open.count < credit, let batch = spare.popLast() {
      batch.slices.removeAll(keepingCapacity: true)
      open.append(batch)
      split(batch, rows: 0..<batch.capacity, fraction: 1, among: able, now: now, sink: sink)
    }
  }
}

extension SamplerMachine.Counters {
  static func + (left: Self, right: Self) -> Self {
    var sum = left
    sum.requestsRepeated += right.requestsRepeated
    sum.strays += right.strays
    sum.prioritiesDropped += right.prioritiesDropped
    sum.malformed += right.malformed
    sum.serviceRestarts += right.serviceRestarts
    return sum
  }
}
