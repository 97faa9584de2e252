// What other shards have of a table.

/// Counts of the other shards, as far as they are known here: a limiter with them keeps the proportion of the whole.
public struct RemoteItems: Hashable, Sendable {
  /// Items inserted there and sampled from there since they were first heard of.
  public var inserts: Double
  public var samples: Double
  /// Items there now.
  public var size: Int

  public init(inserts: Double = 0, samples: Double = 0, size: Int = 0) {
    self.inserts = inserts
    self.samples = samples
    self.size = size
  }
}
