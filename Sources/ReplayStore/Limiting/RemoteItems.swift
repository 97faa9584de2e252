// What the other shards hold of a table.

/// Counts of a table's items in the other shards, as last reported. A limiter that has them keeps
/// the proportion over the whole fleet.
public struct RemoteItems: Hashable, Sendable {
  /// Items inserted into the other shards since this shard first heard of each.
  public var inserts: Double
  /// Items sampled from them since then.
  public var samples: Double
  /// Items in the other shards.
  public var size: Int

  public init(inserts: Double = 0, samples: Double = 0, size: Int = 0) {
    self.inserts = inserts
    self.samples = samples
    self.size = size
  }
}
