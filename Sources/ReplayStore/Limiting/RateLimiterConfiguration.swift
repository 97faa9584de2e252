// The limits of a rate limiter, and why some are refused.

/// Limits of a rate limiter. `RateLimiter` has the inequalities.
public struct RateLimiterConfiguration: Hashable, Sendable {
  /// Samples wanted for each inserted item.
  public var samplesPerInsert: Double
  /// Items that a table must hold before it is sampled, at least 1.
  public var minSize: Int
  /// The least error that a batch may leave, in samples.
  public var errorMin: Double
  /// The largest error that a message may leave, in samples.
  public var errorMax: Double

  public init(samplesPerInsert: Double, minSize: Int, errorMin: Double, errorMax: Double) {
    self.samplesPerInsert = samplesPerInsert
    self.minSize = minSize
    self.errorMin = errorMin
    self.errorMax = errorMax
  }

  /// No proportion: only `minSize` holds samples back.
  public static func unlimited(minSize: Int = 1) -> RateLimiterConfiguration {
    RateLimiterConfiguration(
      samplesPerInsert: 1, minSize: minSize, errorMin: -.infinity, errorMax: .infinity)
  }

  /// Keeps the error within ±`tolerance` samples of samplesPerInsert · minSize, once `minSize`
  /// items have come. (Reverb's SampleToInsertRatio.)
  public static func ratio(samplesPerInsert: Double, minSize: Int, tolerance: Double)
    -> RateLimiterConfiguration
  {
    let centre = samplesPerInsert * Double(minSize)
    return RateLimiterConfiguration(
      samplesPerInsert: samplesPerInsert, minSize: minSize, errorMin: centre - tolerance,
      errorMax: centre + tolerance)
  }

  /// Whether the error can hold back both inserts and samples.
  public var isBounded: Bool { errorMin > -.infinity && errorMax < .infinity }
}

extension RateLimiterConfiguration: CustomStringConvertible {
  public var description: String {
    "samples per insert \(samplesPerInsert), min size \(minSize), error \(errorMin) to \(errorMax)"
  }
}

extension RateLimiterConfiguration {
  /// Bounds that keep float64 exact enough: errors of 2⁶² items, and those that other shards
  /// report, stay far below its largest number.
  static let samplesPerInsertMax = 1e6
  static let errorLimit = 1e28

  /// Why these limits could block inserts and samples at once, or make no sense; nil if they are
  /// fine. `batchSizeMax` is the largest batch, `itemsPerMessageMax` the most items in a message,
  /// `sizeMax` the most items in the table.
  ///
  /// Inserts are blocked if error > errorMax − samplesPerInsert · items, samples if error <
  /// errorMin + batch. No error does both exactly if errorMax − errorMin ≥ samplesPerInsert · items
  /// + batch.
  public func problem(batchSizeMax: Int, itemsPerMessageMax: Int, sizeMax: Int) -> String? {
    if !(samplesPerInsert > 0 && samplesPerInsert <= Self.samplesPerInsertMax) {
      return
        "samples_per_insert: expected a positive number of at most \(Self.samplesPerInsertMax), found \(samplesPerInsert)"
    }
    if minSize < 1 { return "min_size: expected at least 1, found \(minSize)" }
    if minSize > sizeMax {
      return "min_size: expected at most \(sizeMax), the most items the table can hold, found \(minSize): "
        + "it could never be sampled"
    }
    if errorMin.isNaN || errorMax.isNaN || errorMin == .infinity || errorMax == -.infinity {
      return "error range: expected numbers, infinite ones for no limit, found [\(errorMin), \(errorMax)]"
    }
    if [errorMin, errorMax].contains(where: { $0.isFinite && abs($0) > Self.errorLimit }) {
      return
        "error range: expected numbers within ±\(Self.errorLimit), or infinite ones, found [\(errorMin), \(errorMax)]"
    }
    let message = samplesPerInsert * Double(itemsPerMessageMax)
    let needed = message + Double(batchSizeMax)
    if errorMax - errorMin < needed {
      return
        "error range [\(errorMin), \(errorMax)] is \(errorMax - errorMin) wide: expected at least \(needed) "
        + "(samples_per_insert \(samplesPerInsert) × \(itemsPerMessageMax) items in a message + a batch of "
        + "\(batchSizeMax)), else inserts and samples can block each other"
    }
    return nil
  }
}
