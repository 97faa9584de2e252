// Keeps inserts and samples of a table in proportion.

/// Reverb's rate limiter (Cassirer et al. 2021, arXiv 2102.04736, §3.3), a pure value.
///
/// With error = inserts · samplesPerInsert − samples (in samples):
/// * a batch of b is admitted if size ≥ minSize and error − b ≥ errorMin;
/// * a message of n items is admitted if size < minSize or error + n · samplesPerInsert ≤ errorMax.
///
/// Messages and batches are admitted whole or not at all. *Differs from the source:* while size < minSize every
/// message is admitted, also one that overshoots minSize (for n = 1 the rules are the same): sampling cannot start
/// before, so holding it back could only lock both sides. Limits may change while it counts, see `change(to:)`. Of one of
/// several shards it counts what the others have, too: see `elsewhere`.
public struct RateLimiter: Hashable, Sendable {
  public private(set) var configuration: RateLimiterConfiguration
  /// Items inserted since the start.
  public private(set) var inserts: UInt64 = 0
  /// Items sampled since the start.
  public private(set) var samples: UInt64 = 0
  /// What changes of limits, and samples that can never be drawn any more, have added to the error.
  public private(set) var carried = 0.0
  /// What other shards are known to have: inserts, samples and size are those of all together.
  public var remote = RemoteItems()

  public init(configuration: RateLimiterConfiguration) {
    self.configuration = configuration
  }

  /// inserts · samplesPerInsert − samples, and what a change of limits has added.
  public var error: Double {
    error(afterInserting: 0)
  }

  /// Other limits from now on. What has been counted by the old ones is settled: the error stays, as far as the new range
  /// has it, so that neither side waits for the past (with another `samplesPerInsert` all earlier inserts would count anew).
  /// A table that has never had `minSize` items counts from its start.
  public mutating func change(to limits: RateLimiterConfiguration) {
    let before = error
    let isSame = limits.samplesPerInsert == configuration.samplesPerInsert
    configuration = limits
    guard Double(inserts) + remote.inserts >= Double(limits.minSize) else {
      if !isSame { carried = 0 }
      return
    }
    // By differences, so that nothing changes where nothing has to.
    carried += before - error
    carried += min(max(error, limits.errorMin), limits.errorMax) - error
  }

  /// Whether a message with `count` items may be inserted into a table of `size` items. Zero items always may.
  public func canInsert(_ count: Int, size: Int) -> Bool {
    count == 0 || size + remote.size < configuration.minSize
      || error(afterInserting: count) <= configuration.errorMax
  }

  /// Whether a batch of `count` may be sampled from a table of `size` items.
  public func canSample(_ count: Int, size: Int) -> Bool {
    size >= 1 && size + remote.size >= configuration.minSize
      && error(afterSampling: count) >= configuration.errorMin
  }

  /// Goes on from what an earlier incarnation has counted, perhaps by other limits.
  mutating func recall(inserts: UInt64, samples: UInt64, carried: Double) {
    self.inserts = inserts
    self.samples = samples
    self.carried = abs(carried) <= RateLimiterConfiguration.errorLimit ? carried : 0
    change(to: configuration)
  }

  /// Counts items that come back from a snapshot, as if they had been sampled in proportion: the error stays.
  mutating func didRestore(_ count: Int) {
    inserts &+= UInt64(count)
    samples &+= UInt64(min(Double(count) * configuration.samplesPerInsert, 0x1p62))
  }

  /// Goes on from an error that others have counted.
  public mutating func set(error: Double) { carried += error - self.error }

  /// Samples that were counted on, of items that are gone.
  public mutating func didLose(samples: Int) { carried -= Double(samples) }

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
  /// The inequality that keeps `count` items out, with its numbers; nil if they are admitted.
  public func reasonInsertBlocked(_ count: Int, size: Int) -> String? {
    if canInsert(count, size: size) { return nil }
    let limits = configuration
    return
      "insert of \(count): (\(inserts) inserts + \(count)) × \(limits.samplesPerInsert) − \(samples) samples "
      + "\(remoteText)\(carriedText)= \(Self.rounded(error(afterInserting: count))) > \(limits.errorMax) (errorMax), size \(size) ≥ \(limits.minSize) (minSize)"
  }

  /// The inequality that holds a batch of `count` back, with its numbers; nil if it is admitted.
  public func reasonSampleBlocked(_ count: Int, size: Int) -> String? {
    if canSample(count, size: size) { return nil }
    let limits = configuration
    if size < 1 || size + remote.size < limits.minSize {
      let others = remote.size > 0 ? " + \(remote.size) in other shards" : ""
      return "sample of \(count): size \(size)\(others) < \(limits.minSize) (minSize)"
    }
    return
      "sample of \(count): \(inserts) inserts × \(limits.samplesPerInsert) − (\(samples) samples + \(count)) "
      + "\(remoteText)\(carriedText)= \(Self.rounded(error(afterSampling: count))) < \(limits.errorMin) (errorMin)"
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
