// What the store can say of itself.

internal import Experience

/// Counters and gauges of a store; counters since the start.
public struct ReplayStoreStatistics: Hashable, Sendable {
  public struct Table: Hashable, Sendable {
    public var name: String
    /// Items now.
    public var size: Int
    /// What the sampler draws from: Σ p^α, or the number of items.
    public var mass: Double
    public var priorityMax: Float
    public var itemsInserted: UInt64
    public var itemsSampled: UInt64
    /// The limiter's inserts · samplesPerInsert − samples.
    public var limiterError: Double
    /// Items that came after their first step had gone.
    public var itemsStale: UInt64
    /// Items that went with their steps, and how many of those had never been sampled.
    public var itemsEvicted: UInt64
    public var itemsEvictedUnsampled: UInt64
    /// Items that went by `itemsMax` or `timesSampledMax`.
    public var itemsRemoved: UInt64
    /// Priorities above the table's limit, which counted as that.
    public var prioritiesClipped: UInt64
    public var prioritiesUpdated: UInt64
    /// Updates of items that had gone.
    public var prioritiesGone: UInt64
  }

  public var tables: [Table]
  public var capacity: Int
  /// Steps now.
  public var steps: Int
  /// Positions of the oldest step and of the next one: steps evicted and steps inserted since the start.
  public var tail: UInt64
  public var head: UInt64
  public var chunks: Int
  public var streams: Int

  public var stepsEvicted: UInt64 { tail }
}

extension ReplayStore {
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
          prioritiesClipped: table.counters.clipped,
          prioritiesUpdated: table.counters.updated, prioritiesGone: table.counters.updatesGone)
      },
      capacity: configuration.capacity, steps: ring?.count ?? 0, tail: ring?.tail ?? 0,
      head: ring?.head ?? 0, chunks: ring?.directory.count ?? 0, streams: ring?.streams.count ?? 0)
  }
}
