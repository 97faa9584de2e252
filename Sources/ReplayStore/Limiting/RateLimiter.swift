// Keeps a table's inserts and samples in proportion.

/// Reverb's rate limiter (Cassirer et al. 2021, arXiv 2102.04736, §3.3), a pure value.
///
/// With error = inserts · samplesPerInsert − samples (in samples):
/// * a batch of b is admitted if size ≥ minSize and error − b ≥ errorMin;
/// * a message of n items is admitted if size < minSize or error + n · samplesPerInsert ≤ errorMax.
///
/// Messages and batches are admitted whole or not at all. Limits may change at any time, see
/// `change(to:)`. In a fleet of shards a limiter also counts the items of the other shards, see
/// `remote`.
///
/// *Differs from the source:* while size < minSize every message is admitted, even one that
/// overshoots minSize (for n = 1 the rules are the same). Sampling cannot start before minSize, so
/// holding the message back could only block both sides.
public struct RateLimiter: Hashable, Sendable {
  /// The current limits.
  public private(set) var configuration: RateLimiterConfiguration
  /// Items inserted, by earlier processes too, and items restored.
  public private(set) var inserts: UInt64 = 0
  /// Items sampled, by earlier processes too; for restored items in proportion.
  public private(set) var samples: UInt64 = 0
  /// What changes of limits, and samples that can no longer be drawn, have added to the error.
  public private(set) var carried = 0.0
  /// Counts of the other shards; the rules apply to the sums over all shards.
  public var remote = RemoteItems()

  public init(configuration: RateLimiterConfiguration) {
    self.configuration = configuration
  }

  /// inserts · samplesPerInsert − samples + carried, over all shards.
  public var error: Double {
    error(afterInserting: 0)
  }

  /// Changes the limits. The error stays, clamped to the new range, so that neither side waits
  /// because of the past: with another `samplesPerInsert` all earlier inserts would count
  /// differently. A table that has never had `minSize` items counts from its start.
  public mutating func change(to limits: RateLimiterConfiguration) {
    let before = error
    let isSame = limits.samplesPerInsert == configuration.samplesPerInsert
    configuration = limits
    guard Double(inserts) + remote.inserts >= Double(limits.minSize) else {
      if !isSame { carried = 0 }
      return
    }
    // Adding differences leaves an error that is within the new range exactly as it was.
    carried += before - error
    carried += min(max(error, limits.errorMin), limits.errorMax) - error
  }

  /// Whether a message with `count` items may be inserted into a table of `size` items. A message
  /// without items is always admitted.
  public func canInsert(_ count: Int, size: Int) -> Bool {
    count == 0 || size + remote.size < configuration.minSize
      || error(afterInserting: count) <= configuration.errorMax
  }

  /// Whether a batch of `count` items may be sampled from a table of `size` items.
  public func canSample(_ count: Int, size: Int) -> Bool {
    size >= 1 && size + remote.size >= configuration.minSize
      && error(afterSampling: count) >= configuration.errorMin
  }

  /// Resumes from what an earlier process counted, perhaps under other limits.
  mutating func resume(inserts: UInt64, samples: UInt64, carried: Double) {
    self.inserts = inserts
    self.samples = samples
    self.carried = abs(carried) <= RateLimiterConfiguration.errorLimit ? carried : 0
    change(to: configuration)
  }

  /// Counts restored items as if they had been sampled in proportion: the error stays.
  mutating func didRestore(_ count: Int) {
    inserts &+= UInt64(count)
    samples &+= UInt64(min(Double(count) * configuration.samplesPerInsert, 0x1p62))
  }

  /// Sets the error to one that other shards have counted.
  public mutating func set(error: Double) { carried += error - self.error }

  /// Subtracts samples of items that were removed before they could be drawn.
  public mutating func didLose(samples: Int) { carried -= Double(samples) }

  /// Counts inserted items.
  public mutating func didInsert(_ count: Int) { inserts &+= UInt64(count) }
  public mutating func didSample(_ count: Int) { samples &+= UInt64(count) }

  private func error(afterInserting count: Int) -> Double {
    (Double(inserts) + remote.inserts + Double(count)) * configuration.samplesPerInsert
      - (Double(samples) + remote.samples) + carried
  }

  private func error(afterSampling count: Int) -> Double {
    error - Double(count)
  }
}

extension RateLimiter {
  /// The inequality that holds back a message of `count` items, with its numbers; nil if the
  /// message is admitted.
  public func reasonInsertBlocked(_ count: Int, size: Int) -> String? {
    if canInsert(count, size: size) { return nil }
    let limits = configuration
    return
      "insert of \(count): (\(inserts) inserts + \(count)) × \(limits.samplesPerInsert) − \(samples) samples "
      + "\(remoteText)\(carriedText)= \(Self.rounded(error(afterInserting: count))) > \(limits.errorMax) (error_max), size \(size) ≥ \(limits.minSize) (min_size)"
  }

  /// The inequality that holds back a batch of `count` items, with its numbers; nil if the batch is
  /// admitted.
  public func reasonSampleBlocked(_ count: Int, size: Int) -> String? {
    if canSample(count, size: size) { return nil }
    let limits = configuration
    if size < 1 || size + remote.size < limits.minSize {
      let others = remote.size > 0 ? " + \(remote.size) in other shards" : ""
      return "sample of \(count): size \(size)\(others) < \(limits.minSize) (min_size)"
    }
    return
      "sample of \(count): \(inserts) inserts × \(limits.samplesPerInsert) − (\(samples) samples + \(count)) "
      + "\(remoteText)\(carriedText)= \(Self.rounded(error(afterSampling: count))) < \(limits.errorMin) (error_min)"
  }

  private static func rounded(_ value: Double) -> Double { (value * 1000).rounded() / 1000 }

  private var carriedText: String {
    carried == 0 ? "" : "\(carried < 0 ? "−" : "+") \(Self.rounded(abs(carried))) carried over "
  }

  private var remoteText: String {
    remote.inserts + remote.samples == 0
      ? ""
      : "+ \(remote.inserts) × \(configuration.samplesPerInsert) − \(remote.samples) in other shards "
  }
}
