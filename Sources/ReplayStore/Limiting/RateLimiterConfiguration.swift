// The limits of a rate limiter, and why some are refused.

/// What a rate limiter keeps: see `RateLimiter` for the inequalities.
public struct RateLimiterConfiguration: Hashable, Sendable {
  /// Samples wanted for each inserted item.
  public var samplesPerInsert: Double
  /// Items a table must hold before it is sampled, at least 1.
  public var minSize: Int
  /// The least error, in samples, that a batch may leave behind.
  public var errorMin: Double
  /// The largest error, in samples, that a message may leave behind.
  public var errorMax: Double

  public init(samplesPerInsert: Double, minSize: Int, errorMin: Double, errorMax: Double) {
    self.samplesPerInsert = samplesPerInsert
    self.minSize = minSize
    self.errorMin = errorMin
    self.errorMax = errorMax
  }

  /// No proportion to keep: only `minSize` holds samples back.
  public static func unlimited(minSize: Int = 1) -> RateLimiterConfiguration {
    RateLimiterConfiguration(
      samplesPerInsert: 1, minSize: minSize, errorMin: -.infinity, errorMax: .infinity)
  }

  /// `samplesPerInsert` held within ±`tolerance` (in samples) once `minSize` items have come (as Reverb's SampleToInsertRatio).
  public static func ratio(samplesPerInsert: Double, minSize: Int, tolerance: Double)
    -> RateLimiterConfiguration
  {
    let centre = samplesPerInsert * Double(minSize)
    return RateLimiterConfiguration(
      samplesPerInsert: samplesPerInsert, minSize: minSize, errorMin: centre - tolerance,
      errorMax: centre + tolerance)
  }

  /// Whether inserts and samples can both be held back by the error.
  public var isBounded: Bool { errorMin > -.infinity && errorMax < .infinity }
}

extension RateLimiterConfiguration: CustomStringConvertible {
  public var description: String {
    "samples per insert \(samplesPerInsert), min size \(minSize), error \(errorMin) to \(errorMax)"
  }
}

extension RateLimiterConfiguration {
  /// With these no error that counts 2⁶² items comes near what a float64 holds, or other shards take.
  static let samplesPerInsertMax = 1e6
  static let errorLimit = 1e28

  /// Why these limits would lock both sides (or make no sense) with batches of up to `batchSizeMax`, messages of up
  /// to `itemsPerMessageMax` items and a table of at most `sizeMax` items; nil if they are fine.
  ///
  /// Inserts are blocked if error > errorMax − samplesPerInsert · items, samples if error < errorMin + batch. No error
  /// does both exactly if errorMax − errorMin ≥ samplesPerInsert · items + batch.
  public func problem(batchSizeMax: Int, itemsPerMessageMax: Int, sizeMax: Int) -> String? {
    if !(samplesPerInsert > 0 && samplesPerInsert <= Self.samplesPerInsertMax) {
      return
        "samplesPerInsert: expected a positive number of at most \(Self.samplesPerInsertMax), found \(samplesPerInsert)"
    }
    if minSize < 1 { return "minSize: expected at least 1, found \(minSize)" }
    if minSize > sizeMax {
      return "minSize: expected at most \(sizeMax), the most items the table can hold, found \(minSize): "
        + "it could never be sampled"
    }
    if errorMin.isNaN || errorMax.isNaN || errorMin == .infinity || errorMax == -.infinity {
      return "error range: expected numbers, found [\(errorMin), \(errorMax)]"
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
        + "(samplesPerInsert \(samplesPerInsert) × \(itemsPerMessageMax) items a message + a batch of "
        + "\(batchSizeMax)), else inserts and samples can block each other"
    }
    return nil
  }
}
