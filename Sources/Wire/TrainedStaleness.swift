// How stale the rows were that a learner has trained on.

/// `[rows, mean, p99, largest]`: the staleness of the rows that a learner has trained on since its
/// start, in versions of the weights.
public struct TrainedStaleness: Hashable, Sendable {
  /// Rows that were trained on.
  public var rows: UInt64
  /// The mean over the rows.
  public var mean: Double
  /// 99 % of the rows had at most this.
  public var p99: UInt64
  /// The largest.
  public var max: UInt64

  public init(rows: UInt64, mean: Double, p99: UInt64, max: UInt64) {
    self.rows = rows
    self.mean = mean
    self.p99 = p99
    self.max = max
  }

  /// Of several learners' rows; nil if there are no learners. `p99` is the largest of theirs.
  public init?(_ parts: some Collection<TrainedStaleness>) {
    guard !parts.isEmpty else { return nil }
    let total = parts.reduce(0.0) { $0 + Double($1.rows) }
    rows = parts.reduce(0) { sum, part in
      let (value, overflow) = sum.addingReportingOverflow(part.rows)
      return overflow ? .max : value
    }
    mean = total == 0 ? 0 : parts.reduce(0) { $0 + $1.mean * (Double($1.rows) / total) }
    p99 = parts.lazy.map(\.p99).max() ?? 0
    max = parts.lazy.map(\.max).max() ?? 0
  }

  func encode(into writer: FrameWriter) {
    writer.array(4)
    writer.unsigned(rows)
    writer.double(mean)
    writer.unsigned(p99)
    writer.unsigned(max)
  }

  init(fieldsFrom cursor: inout FrameCursor) throws(WireError) {
    try cursor.elements(4, "the staleness of trained rows")
    rows = try cursor.number("the trained rows")
    mean = try cursor.double("their mean staleness")
    p99 = try cursor.number("their 99th percentile")
    max = try cursor.number("their largest staleness")
  }
}
