// The console output of a run.

internal import Console
internal import Foundations
internal import Glibc
internal import Services
internal import Wire

/// A live screen in a terminal, one line per second in other outputs, objects with `--json`.
struct RunView {
  enum Mode {
    case live, lines, json
  }

  let mode: Mode
  private var drawnLines = 0
  private var output = OutputQueue(1)
  private var errors = OutputQueue(2)

  init(json: Bool) {
    mode = json ? .json : isatty(1) == 1 ? .live : .lines
  }

  /// Prints a sentence; with `--json` to standard error, so that standard output has only objects.
  mutating func say(_ text: String) {
    if mode == .json {
      write("\(text)\n", to: 2)
    } else {
      erase()
      write("\(text)\n", to: 1)
    }
  }

  mutating func show(_ sample: RunSample, progress: RunProgress, threshold: Double?) throws {
    switch mode {
    case .json: write(try JSON.line(sample), to: 1)
    case .lines: write(Self.line(sample) + "\n", to: 1)
    case .live:
      let lines = Self.screen(sample, progress: progress, threshold: threshold)
      erase()
      write(lines.joined(separator: "\n") + "\n", to: 1)
      drawnLines = lines.count
    }
  }

  mutating func finish(_ summary: RunSummary) throws {
    if mode == .json {
      write(try JSON.line(summary), to: 1)
    } else {
      write("\n\(summary.text)\n", to: 1)
    }
    finish()
  }

  /// Writes what a slow reader accepts by now.
  mutating func flush() {
    output.flush()
    errors.flush()
  }

  /// Writes everything and waits for the reader.
  mutating func finish() {
    output.finish()
    errors.finish()
  }

  /// Erases the last screen, so that the next one replaces it.
  private mutating func erase() {
    if drawnLines > 0 { write("\u{1B}[\(drawnLines)A\u{1B}[J", to: 1) }
    drawnLines = 0
  }

  private mutating func write(_ text: String, to descriptor: Int32) {
    if descriptor == 1 { output.write(text) } else { errors.write(text) }
  }
}

extension RunView {
  static func line(_ sample: RunSample) -> String {
    let value = sample.meanReturn.map { "return \(Format.number($0))" } ?? "return –"
    return "\(Format.pad(Format.number(sample.seconds) + " s", 8)) \(Format.pad(value, 14))"
      + " env steps \(Format.count(sample.envSteps)) (\(Format.count(sample.envStepsPerSecond))/s)"
      + " updates \(Format.count(sample.updates)) (\(Format.count(sample.updatesPerSecond))/s)"
      + " replay \(Format.count(sample.replaySteps))"
  }

  static func screen(_ sample: RunSample, progress: RunProgress, threshold: Double?) -> [String] {
    func row(_ name: String, _ value: String, _ more: String = "") -> String {
      "  \(Format.pad(name, 12))\(Format.pad(value, 18))\(more)"
    }
    var lines = [
      row(
        "time", "\(Format.number(sample.seconds)) s",
        "weights version \(Format.integer(sample.weightsVersion))"),
      row(
        "env steps", Format.count(sample.envSteps),
        "\(Format.count(sample.envStepsPerSecond))/s, \(sample.actors) actors"),
      row(
        "replay", Format.count(sample.replaySteps),
        "of \(Format.count(sample.replayCapacity)), \(Format.count(sample.insertsPerSecond)) inserts/s, "
          + "\(Format.count(sample.batchesPerSecond)) batches/s"),
      row(
        "updates", Format.count(sample.updates),
        "\(Format.count(sample.updatesPerSecond))/s, waiting \(Format.percent(sample.learnerWaitingShare))"),
      row(
        "staleness", "\(Format.number(sample.stalenessVersions)) versions",
        "update to action p99 \(Format.number(sample.updateToActionP99_ms)) ms"),
    ]
    if let bound = sample.stalenessBound {
      lines.append(
        row(
          "trained on", "p99 \(Format.integer(sample.trainedStalenessP99)) versions",
          "largest \(Format.integer(sample.trainedStalenessMax)), bound \(Format.integer(bound)), "
            + "\(Format.integer(sample.actorsWaiting)) actors wait"))
    }
    let target = threshold.map { " (solved at \(Format.number($0)))" } ?? ""
    lines.append(row("return", sample.meanReturn.map(Format.number) ?? "–", "greedy\(target)"))
    lines += plot(progress.evaluations.map { ($0.seconds, $0.evaluation.meanReturn) }, width: 60, height: 8)
    return lines
  }

  /// A plot of the return over time with block characters.
  static func plot(_ all: [(x: Double, y: Double)], width: Int, height: Int) -> [String] {
    // Any process may send an evaluation: NaN and numbers too large to subtract are left out.
    let points = all.filter { abs($0.y) < 1e300 && $0.x >= 0 && $0.x < 1e300 }
    guard points.count > 1, let last = points.last?.x, last > 0,
      let low = points.map(\.y).min(), let high = points.map(\.y).max()
    else { return [] }
    let range = max(high - low, 1e-9)
    var columns = [Double?](repeating: nil, count: width)
    for point in points {
      let column = min(width - 1, max(0, Int(min(1, point.x / last) * Double(width))))
      columns[column] = max(columns[column] ?? -.infinity, point.y)
    }
    // A column without an evaluation repeats the one before it.
    for column in columns.indices.dropFirst() where columns[column] == nil {
      columns[column] = columns[column - 1]
    }
    let eighths = Array(" ▁▂▃▄▅▆▇█")
    return (0..<height).map { line in
      let floor = Double(height - 1 - line) / Double(height)
      let cells = columns.map { value -> Character in
        guard let value else { return " " }
        let fraction = (value - low) / range - floor
        return eighths[max(0, min(8, Int((fraction * Double(height) * 8).rounded())))]
      }
      let label = line == 0 ? Format.number(high) : line == height - 1 ? Format.number(low) : ""
      return "  \(String(repeating: " ", count: max(0, 9 - label.count)))\(label) ┤\(String(cells))"
    }
  }
}
