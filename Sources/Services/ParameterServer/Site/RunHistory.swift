// The curves of a whole run.

internal import Wire

/// A second or more of a run: the mean of each column, or its worst value.
struct HistorySample: Thinnable {
  enum Column: String, CaseIterable {
    case envStepsPerSecond = "env_steps_per_s"
    case updatesPerSecond = "updates_per_s"
    case insertsPerSecond = "inserts_per_s"
    case samplesPerSecond = "samples_per_s"
    case staleness = "staleness_versions"
    case updateToActionP99 = "update_to_action_p99_ms"
    case replayFill = "replay_fill"

    /// Whether several values merge into their largest (for a percentile) or into their mean.
    var isWorst: Bool { self == .updateToActionP99 }
  }

  /// The sample's end, since the server's start.
  var seconds: Double
  /// One value for each column; NaN where it is unknown.
  var values: [Double]

  init(seconds: Double, _ value: (Column) -> Double?) {
    self.seconds = seconds
    values = Column.allCases.map { column in
      let value = value(column) ?? .nan
      return value.isFinite ? value : .nan
    }
  }

  subscript(column: Column) -> Double { values[Column.allCases.firstIndex(of: column) ?? 0] }

  mutating func merge(_ next: HistorySample, count: Int, others: Int) {
    seconds = next.seconds
    for (index, column) in Column.allCases.enumerated() {
      let (mine, its) = (values[index], next.values[index])
      if mine.isNaN || its.isNaN {
        values[index] = mine.isNaN ? its : mine
      } else if column.isWorst {
        values[index] = max(mine, its)
      } else {
        values[index] = mine + (its - mine) * Double(others) / Double(count + others)
      }
    }
  }
}

/// One evaluation or several: the mean of their means, and the least and greatest return of an
/// episode.
struct HistoryEvaluation: Thinnable {
  var seconds: Double
  var version: UInt64
  var mean: Double
  var least: Double
  var greatest: Double

  mutating func merge(_ next: HistoryEvaluation, count: Int, others: Int) {
    seconds = next.seconds
    version = next.version
    mean += (next.mean - mean) * Double(others) / Double(count + others)
    least = min(least, next.least)
    greatest = max(greatest, next.greatest)
  }
}

/// Samples and evaluations since the server's start, thinned so that a page that is opened late
/// shows the whole run.
struct RunHistory {
  private(set) var samples = ThinnedSeries<HistorySample>(capacity: 2048)
  private(set) var evaluations = ThinnedSeries<HistoryEvaluation>(capacity: 1024)

  mutating func append(_ sample: HistorySample) { samples.append(sample) }

  /// Adds a regular evaluation. Returns that are not finite, or too large to subtract, are ignored,
  /// because evaluations may be forged.
  mutating func append(_ evaluation: Evaluation, seconds: Double) {
    let returns = [evaluation.meanReturn, evaluation.minReturn, evaluation.maxReturn]
    guard evaluation.kind == .regular, returns.allSatisfy({ abs($0) < 1e300 }) else { return }
    evaluations.append(
      HistoryEvaluation(
        seconds: seconds, version: evaluation.version, mean: evaluation.meanReturn,
        least: evaluation.minReturn,
        greatest: evaluation.maxReturn))
  }
}
