// How stale the rows were that a learner trained on.

internal import Wire

/// Counts of rows by staleness, in versions, since the learner's start. Exact up to 1023; above it
/// only the largest is known.
struct StalenessCounts {
  private var counts = [UInt64](repeating: 0, count: 1024)
  private var sum = 0.0
  private var total: UInt64 = 0
  private(set) var max: UInt64 = 0

  mutating func record(_ staleness: UInt64) {
    counts[min(Int(clamping: staleness), counts.count - 1)] += 1
    sum += Double(staleness)
    total += 1
    if staleness > max { max = staleness }
  }

  var summary: TrainedStaleness { TrainedStaleness(rows: total, mean: mean, p99: quantile(0.99), max: max) }

  var mean: Double { total == 0 ? 0 : sum / Double(total) }

  /// The least staleness that is at least that of a fraction of the rows.
  func quantile(_ fraction: Double) -> UInt64 {
    let wanted = (Double(total) * fraction).rounded(.up)
    var below = 0.0
    for (staleness, count) in counts.enumerated() where count > 0 {
      below += Double(count)
      if below >= wanted { return staleness == counts.count - 1 ? max : UInt64(staleness) }
    }
    return max
  }
}
