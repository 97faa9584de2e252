// Statistics of a store.

internal import Experience

/// Gauges of a store, and counters since the start of this process. The counters of inserts,
/// samples and positions include earlier processes that had this store.
public struct ReplayStoreStatistics: Hashable, Sendable {
  /// One table's gauges and counters.
  public struct Table: Hashable, Sendable {
    /// The name that its schema gives it.
    public var name: String
    /// Items in the table.
    public var size: Int
    /// The sum that the sampler draws from: Σ p^α, Σ 1 / rank^α, or the number of items.
    public var mass: Double
    /// The largest raw priority seen, given to items that come without one.
    public var priorityMax: Float
    /// Items inserted.
    public var itemsInserted: UInt64
    /// Items drawn.
    public var itemsSampled: UInt64
    /// The limiter's error, in samples: inserts · samplesPerInsert − samples, with what it carried
    /// over and the other shards' counts.
    public var limiterError: Double
    /// Items that were skipped because their first step had been evicted.
    public var itemsStale: UInt64
    /// Items evicted with their steps.
    public var itemsEvicted: UInt64
    /// Evicted items that had never been sampled.
    public var itemsEvictedUnsampled: UInt64
    /// Items removed because of `itemsMax` or `timesSampledMax`.
    public var itemsRemoved: UInt64
    /// Items removed because the weights that made them were too old.
    public var itemsOutdated: UInt64
    /// Priorities that were lowered to the table's limit.
    public var prioritiesClipped: UInt64
    /// Priority updates applied.
    public var prioritiesUpdated: UInt64
    /// Priority updates of items that no longer exist.
    public var prioritiesGone: UInt64
  }

  /// The tables, in the order of the configuration.
  public var tables: [Table]
  /// Steps that the ring can hold.
  public var capacity: Int
  /// Steps in the ring.
  public var steps: Int
  /// Position of the oldest step, which is also the number of steps evicted.
  public var tail: UInt64
  /// Position of the next step, which is also the number of steps inserted.
  public var head: UInt64
  /// Chunks in the ring.
  public var chunks: Int
  /// Streams that are tracked.
  public var streams: Int

  /// Steps evicted: the position of the oldest step.
  public var stepsEvicted: UInt64 { tail }
}

extension ReplayStore {
  /// Items that were inserted into a table, by earlier processes too.
  public func itemsInserted(table: Int) -> UInt64 {
    tables.indices.contains(table) ? tables[table].limiter.inserts : 0
  }

  /// The error of a table's limiter; nil before there are tables.
  public func limiterError(table: Int) -> Double? {
    tables.indices.contains(table) ? tables[table].limiter.error : nil
  }

  /// The largest raw priority that a table has seen; items without one get it.
  public func priorityMax(table: Int) -> Float {
    tables.indices.contains(table) ? tables[table].priorityMax : 1
  }

  /// O(tables).
  public var statistics: ReplayStoreStatistics {
    ReplayStoreStatistics(
      tables: tables.map { table in
        ReplayStoreStatistics.Table(
          name: table.configuration.schema.name, size: table.size, mass: table.mass,
          priorityMax: table.priorityMax, itemsInserted: table.limiter.inserts,
          itemsSampled: table.limiter.samples, limiterError: table.limiter.error,
          itemsStale: table.counters.stale, itemsEvicted: table.counters.evicted,
          itemsEvictedUnsampled: table.counters.evictedUnsampled, itemsRemoved: table.counters.removed,
          itemsOutdated: table.counters.outdated,
          prioritiesClipped: table.counters.clipped,
          prioritiesUpdated: table.counters.updated, prioritiesGone: table.counters.updatesGone)
      },
      capacity: configuration.capacity, steps: ring?.count ?? 0, tail: ring?.tail ?? 0,
      head: ring?.head ?? 0, chunks: ring?.directory.count ?? 0, streams: ring?.streams.count ?? 0)
  }
}
