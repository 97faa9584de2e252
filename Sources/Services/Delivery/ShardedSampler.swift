// A learner's side of sampling from several shards.

internal import Experience
public import Foundations
public import Wire

/// Batches from the shards of a replay, which come and go, with the distribution that one store of all items would have.
///
/// A batch is split by systematic sampling on the last masses seen. Each shard draws its rows by its own mass at that moment, so
/// P(i) = f · pᵢ / mass, with f the fraction that the split expected of it: right also where masses have changed meanwhile. A
/// shard that holds its rows back delays the batch; one that is gone, or has nothing to give, loses its share to the others.
///
/// Where there are several shards it tells each what it has seen of the others, so that all limit on the totals of the fleet. With one
/// shard all that is nothing.
public struct ShardedSampler {
  public struct Configuration: Sendable {
    /// Of each shard's machine; `service` is set by itself.
    public var sampler: SamplerMachine.Configuration
    public var split = ShardSplit.mass
    /// Items are sampled a limited number of times: a shard cannot draw more rows than it has.
    public var isConsumed = false
    /// A shard that answers nothing for so long is passed over. A restart takes less.
    public var goneAfter = Instant.Span.seconds(2)
    /// A living shard that has nothing for a share keeps the batch waiting for so long.
    public var emptyAfter = Instant.Span.seconds(1)
    /// Time between two exchanges of totals, while they change and while nothing does. What flows in the shorter one is how far
    /// the fleet may leave its limits.
    public var exchangeEvery = Instant.Span.milliseconds(5)
    public var exchangeAtLeastEvery = Instant.Span.milliseconds(250)
    /// The same while no shard has anything: whoever waits for the first items wants to know.
    public var exchangeEmptyEvery = Instant.Span.milliseconds(50)

    public init(sampler: SamplerMachine.Configuration) {
      self.sampler = sampler
    }
  }

  public struct Counters: Sendable {
    public var batches: UInt64 = 0
    /// Shares of batches that went to other shards, and their rows.
    public var slicesMoved: UInt64 = 0
    public var rowsMoved: UInt64 = 0
    public var shardsJoined: UInt64 = 0
    public var shardsLeft: UInt64 = 0
  }

  public let configuration: Configuration
  public internal(set) var counters = Counters()
  var shards: [SampledShard] = []
  /// Batches of which rows are missing, oldest first.
  var open: [SampledBatch] = []
  private var ready: [SampledBatch] = []
  private var spare: [SampledBatch]
  var generator: SeededGenerator
  /// There may be shares of shards that have left.
  var hasOrphans = false
  /// Counters of shards that have left.
  private var past = SamplerMachine.Counters()
  var exchangeInterval: Instant.Span
  var nextExchange: Instant
  let scratch = FrameWriter(capacity: 1 << 12)

  /// No shards yet: `setShards` says which.
  public init(configuration: Configuration, generator: SeededGenerator, now: Instant) {
    self.configuration = configuration
    self.generator = generator
    exchangeInterval = configuration.exchangeEvery
    nextExchange = now
    let sampler = configuration.sampler
    // One more than are in flight: the one that is being trained on.
    spare = (0...sampler.inFlight).map { _ in
      SampledBatch(batch: sampler.batch, batches: sampler.batchesPerRequest)
    }
  }

  /// Why a shard will have nothing of this sampler, if so.
  public var refusal: Refusal? { shards.lazy.compactMap(\.machine.refusal).first }
  /// Whether some shard has welcomed it.
  public var isReady: Bool { shards.contains { $0.machine.isReady } }

  /// Shards that can be asked for rows now; a single one can be asked always.
  public func shardCount(now: Instant) -> Int {
    shards.count == 1 ? 1 : shards.indices.count { isAble($0, now: now) }
  }

  /// Of all shards, those that have left included.
  public var samplerCounters: SamplerMachine.Counters { shards.reduce(past) { $0 + $1.machine.counters } }
}

extension ShardedSampler {
  /// Says which shards there are now.
  public mutating func setShards(_ ids: [PeerID], now: Instant, sink: some FrameSink) {
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
      // One that was gone for a while may still owe some rows.
      for batch in open {
        for (number, slice) in batch.slices.enumerated() where slice.shard == id && !slice.isWhole {
          shards[shards.count - 1].machine.ask(batch, slice: number, now: now, sink: sink)
        }
      }
    }
    hurryExchange(now: now)
    moveSlices(now: now, sink: sink)
  }

  /// The next complete batch, if one is there; give it back with `release`.
  public mutating func take() -> SampledBatch? {
    ready.isEmpty ? nil : ready.removeFirst()
  }

  /// Hands a batch back, and asks for another.
  public mutating func release(_ batch: SampledBatch, now: Instant, sink: some FrameSink) {
    spare.append(batch)
    request(now: now, sink: sink)
  }

  /// Writes raw priorities of a batch's items back, each to the shard that drew it; NaN leaves one as it is.
  public mutating func update(
    _ batch: SampledBatch, priorities: UnsafeBufferPointer<Float>, sink: some FrameSink
  ) {
    precondition(priorities.count == batch.rows, "expected a priority a row")
    for slice in batch.slices where slice.count > 0 && !slice.isMoved {
      batch.withPriorities(of: slice, from: priorities.baseAddress!) { write($0, to: slice, sink) }
    }
  }

  /// Gives items priority 0 that were drawn in batches which were given back since.
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

  public mutating func receive(
    _ frame: UnsafeRawBufferPointer, from shard: PeerID, now: Instant, sink: some FrameSink
  ) {
    guard let index = index(of: shard) else { return past.strays += 1 }
    shards[index].owesSince = nil
    if isTotals(frame) {
      receiveTotals(frame, index, now: now)
      // There may be something to ask for now.
      return request(now: now, sink: sink)
    }
    if let batch = shards[index].machine.receive(frame, now: now, sink: sink) { settle(batch, index) }
    if shards[index].incarnation != shards[index].machine.incarnation { begin(index, now: now, sink: sink) }
  }

  public mutating func advance(to now: Instant, sink: some FrameSink) {
    for index in shards.indices { shards[index].machine.advance(to: now, sink: sink) }
    if exchanges, now >= nextExchange {
      exchange(now: now, sink: sink)
      moveSlices(now: now, sink: sink)
    } else if hasOrphans {
      moveSlices(now: now, sink: sink)
    }
    request(now: now, sink: sink)
  }

  public func nextDeadline(now: Instant) -> Instant {
    var deadline = exchanges ? nextExchange : .never
    for shard in shards { deadline = min(deadline, shard.machine.nextDeadline(now: now)) }
    return deadline
  }

  public mutating func leave(sink: some FrameSink) {
    for index in shards.indices { shards[index].machine.leave(sink: sink) }
  }
}

extension ShardedSampler {
  func index(of shard: PeerID) -> Int? { shards.firstIndex { $0.id == shard } }

  /// A shard begins an incarnation: what was known of it is over.
  private mutating func begin(_ index: Int, now: Instant, sink: some FrameSink) {
    shards[index].begin()
    hurryExchange(now: now)
    request(now: now, sink: sink)
  }

  /// A share of a batch is whole, and perhaps the batch.
  private mutating func settle(_ batch: SampledBatch, _ index: Int) {
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

  /// Makes the shards' probabilities those of the whole, and says how much there is of it.
  private func finish(_ batch: SampledBatch) {
    batch.mass = shards.reduce(0) { $0 + $1.mass }
    batch.itemCount = shards.reduce(0) { $0 + $1.items }
    guard configuration.split.isRandom else { return }
    for slice in batch.slices where slice.count > 0 && !slice.isMoved {
      // Shares that were moved come on top of what was expected of a shard at first.
      let fraction = Float(batch.slices.reduce(0) { $1.shard == slice.shard ? $0 + $1.fraction : $0 })
      for row in slice.firstRow..<slice.firstRow + slice.count {
        batch.probabilities[batch.place(row)] *= fraction
      }
    }
  }

  /// Keeps batches in flight, as far as there is somebody to ask.
  private mutating func request(now: Instant, sink: some FrameSink) {
    guard !shards.isEmpty, open.count < configuration.sampler.inFlight, !spare.isEmpty else { return }
    if shards.count == 1 {
      // Before it has welcomed this sampler nobody knows how many it may ask for.
      while shards[0].machine.isReady, open.count < shards[0].machine.credit, let batch = spare.popLast() {
        batch.assignWhole(to: shards[0].id)
        open.append(batch)
        shards[0].machine.ask(batch, slice: 0, now: now, sink: sink)
      }
      return
    }
    let able = shards.indices.filter { isAble($0, now: now) }
    let credit = able.map { shards[$0].machine.credit }.min() ?? 0
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
