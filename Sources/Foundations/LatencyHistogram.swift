// Distributions of durations.

/// Counts durations in buckets whose width is at most 1/32 (3.1 %) of their value; below 64 ns it
/// is exact. As in HdrHistogram, each power of two is split into equal parts. Every duration that
/// Int64 holds fits; a histogram has 15 KB.
///
/// `record` is O(1) and allocates nothing; `quantile`, `merge` and `reset` are O(1,888 buckets).
public struct LatencyHistogram: Sendable {
  /// The binary logarithm of the parts of a power of two.
  private static let partBits = 5
  private static let parts = 1 << partBits
  /// 2·parts exact values, then `parts` for each further power of two up to 2⁶³.
  private static let bucketCount = 2 * parts + (63 - (partBits + 1)) * parts

  private var buckets: [UInt64]
  /// Durations recorded.
  public private(set) var count: Int = 0
  /// The longest duration, exactly; 0 if there is none.
  public private(set) var max = Instant.Span.zero
  private var sum: Double = 0

  public init() {
    buckets = Array(repeating: 0, count: Self.bucketCount)
  }

  /// The mean, exactly; 0 if there is none.
  public var mean: Instant.Span {
    count == 0 ? .zero : Instant.Span(nanoseconds: Int64(sum / Double(count)))
  }

  /// Negative durations count as 0.
  public mutating func record(nanoseconds: Int64) {
    let value = Swift.max(0, nanoseconds)
    buckets[Self.index(of: UInt64(value))] &+= 1
    count += 1
    sum += Double(value)
    if value > max.nanoseconds { max.nanoseconds = value }
  }

  /// Negative durations count as 0.
  public mutating func record(_ duration: Instant.Span) { record(nanoseconds: duration.nanoseconds) }

  /// The smallest duration d such that the fraction `fraction` of all durations is known to be ≤ d.
  /// The result is the upper edge of a bucket, so never too short and at most 3.1 % too long. 0 if
  /// nothing is recorded. `fraction` is clamped to 0 ... 1.
  public func quantile(_ fraction: Double) -> Instant.Span {
    guard count > 0 else { return .zero }
    let clamped = fraction.isNaN ? 1 : Swift.min(1, Swift.max(0, fraction))
    let rank = UInt64(Swift.max(1, (clamped * Double(count)).rounded(.up)))
    var seen: UInt64 = 0
    for (index, bucket) in buckets.enumerated() where bucket > 0 {
      seen += bucket
      if seen >= rank {
        return Instant.Span(nanoseconds: Swift.min(Self.upperEdge(of: index), max.nanoseconds))
      }
    }
    return max
  }

  /// Adds all durations of `other`.
  public mutating func merge(_ other: LatencyHistogram) {
    for index in buckets.indices { buckets[index] &+= other.buckets[index] }
    count += other.count
    sum += other.sum
    max = Swift.max(max, other.max)
  }

  /// Empties the histogram and keeps its memory.
  public mutating func reset() {
    for index in buckets.indices { buckets[index] = 0 }
    count = 0
    sum = 0
    max = .zero
  }

  private static func index(of value: UInt64) -> Int {
    guard value >= UInt64(2 * parts) else { return Int(value) }
    let shift = 63 - value.leadingZeroBitCount - partBits
    return shift * parts + Int(value >> UInt64(shift))
  }

  private static func upperEdge(of index: Int) -> Int64 {
    guard index >= 2 * parts else { return Int64(index) }
    let shift = index / parts - 1
    let part = Int64(index % parts + parts)
    return ((part + 1) &<< Int64(shift)) &- 1
  }
}
