// Reads curves from runs' folders.

internal import Console
internal import Configuration
internal import FoundationEssentials
internal import Plotting

/// The quantity of the horizontal axis.
enum CurveAxis: String, CaseIterable {
  case seconds, env_steps, updates

  var label: String {
    switch self {
    case .seconds: "time (s)"
    case .env_steps: "env steps"
    case .updates: "updates"
    }
  }

  /// The axis's field in the lines of a run's files.
  var field: String { self == .env_steps ? "envSteps" : rawValue }
}

/// Reads one curve per run: the return from `evaluations.jsonl`, other metrics from
/// `metrics.jsonl`.
struct CurveReader {
  let axis: CurveAxis
  /// `return`, or a field of `metrics.jsonl` in its own spelling.
  let metric: String
  /// Sentences about lines and points that were left out.
  private(set) var notes: [String] = []

  /// Most points of a curve: more than a picture has columns.
  private static let pointsMax = 4000

  static let fields = [
    "actors", "actorsWaiting", "batchesPerSecond", "envSteps", "envStepsPerSecond", "insertsPerSecond",
    "learnerWaitingShare",
    "replaySteps", "seconds", "stalenessBound", "stalenessVersions", "trainedStalenessMax",
    "trainedStalenessMean",
    "trainedStalenessP99", "updateToActionP99_ms", "updates", "updatesPerSecond",
    "weightsVersion",
  ]

  /// - Parameter metric: in either spelling: `envStepsPerSecond` or `env_steps_per_second`.
  /// - Throws: `UsageError` for an unknown metric.
  init(axis: CurveAxis, metric: String) throws(UsageError) {
    func plain(_ name: String) -> String { name.filter { $0 != "_" }.lowercased() }
    let known = ["return"] + Self.fields
    guard let found = known.first(where: { plain($0) == plain(metric) }) else {
      let nearest = Suggestion.nearest(to: metric, among: known)
      throw UsageError(
        "--metric: expected one of \(known.joined(separator: ", ")), found '\(metric)'"
          + (nearest.map { "; did you mean \($0)?" } ?? ""))
    }
    self.axis = axis
    self.metric = found
  }

  var label: String {
    guard metric != "return" else { return "return (greedy episodes: mean, least to greatest)" }
    let words = metric.map { $0.isUppercase ? " \($0.lowercased())" : String($0) }.joined()
    return words.hasSuffix("_ms") ? "\(words.dropLast(3)) (ms)" : words
  }

  /// - Throws: `UsageError` if it is not a run's folder, or has nothing to draw.
  mutating func curve(of folder: String, named name: String) throws(UsageError) -> Series {
    try RunFolder.check(folder)
    let path = folder + (metric == "return" ? "/evaluations.jsonl" : "/metrics.jsonl")
    let (lines, damaged) = JSON.objects(Line.self, in: path)
    let wanted = lines.filter { metric != "return" || $0.kind == EvaluationRecord.regular }
    let series = Series(name: name, points: wanted.compactMap(point))
    if damaged > 0 { notes.append("\(path): \(damaged) damaged lines left out") }
    let without = wanted.count - series.points.count
    if without > 0 { notes.append("\(path): \(without) lines without \(axis.field) or \(metric) left out") }
    guard !series.points.isEmpty else {
      throw UsageError(
        "\(path): expected lines with \(axis.field) and \(metric), found none; the run may have written none yet"
      )
    }
    if series.points.count > Self.pointsMax {
      notes.append("\(path): at most \(Self.pointsMax) of \(series.points.count) points are drawn")
    }
    return series.thinned(to: Self.pointsMax)
  }

  private func point(_ line: Line) -> CurvePoint? {
    guard let x = line.numbers[axis.field] else { return nil }
    if metric == "return" {
      return line.numbers["meanReturn"].map {
        CurvePoint(x: x, y: $0, low: line.numbers["minReturn"], high: line.numbers["maxReturn"])
      }
    }
    return line.numbers[metric].map { CurvePoint(x: x, y: $0) }
  }

  /// The finite numbers of a line, and its kind if it is an evaluation.
  private struct Line: Decodable {
    var numbers: [String: Double] = [:]
    var kind: String?

    private struct Key: CodingKey {
      var stringValue: String
      var intValue: Int? { nil }
      init(stringValue: String) { self.stringValue = stringValue }
      init?(intValue: Int) { nil }
    }

    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: Key.self)
      for key in container.allKeys {
        if key.stringValue == "kind" {
          kind = try? container.decode(String.self, forKey: key)
        } else if let number = try? container.decode(Double.self, forKey: key), number.isFinite {
          numbers[key.stringValue] = number
        }
      }
    }
  }
}
