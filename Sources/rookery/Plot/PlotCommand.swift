// `rookery plot`: draws learning curves of runs.

internal import Console
internal import Configuration
internal import Foundations
internal import Glibc
internal import Plotting

struct PlotCommand {
  private let folders: [String]
  private let out: String
  private let isMean: Bool
  private let title: String?
  private var reader: CurveReader

  private static let usage =
    "expected runs' folders: rookery plot runs/A runs/B [--out FILE.svg|FILE.png] [--x seconds|env_steps|updates]"

  init(_ list: [String]) throws(UsageError) {
    let arguments = try Arguments(list, valued: ["out", "x", "metric", "title"], plain: ["mean"])
    guard !arguments.positional.isEmpty else { throw UsageError(Self.usage) }
    folders = arguments.positional.map { $0.count > 1 && $0.hasSuffix("/") ? String($0.dropLast()) : $0 }
    out = arguments.value("out") ?? "curves.svg"
    guard out.hasSuffix(".svg") || out.hasSuffix(".png") else {
      throw UsageError("--out: expected a name that ends in .svg or .png, found '\(out)'")
    }
    let name = arguments.value("x") ?? CurveAxis.seconds.rawValue
    guard let axis = CurveAxis(rawValue: name) else {
      let known = CurveAxis.allCases.map(\.rawValue).joined(separator: ", ")
      throw UsageError("--x: expected one of \(known), found '\(name)'")
    }
    reader = try CurveReader(axis: axis, metric: arguments.value("metric") ?? "return")
    isMean = arguments.has("mean")
    title = arguments.value("title")
  }

  mutating func execute() throws -> ExitCode {
    var series: [Series] = []
    for (folder, name) in zip(folders, names) { series.append(try reader.curve(of: folder, named: name)) }
    for note in reader.notes { CommandLineInterface.complain(note) }
    let configurations = folders.compactMap { try? EffectiveConfiguration(file: "\($0)/config.yaml").run }
    var label = reader.label
    if isMean {
      guard let mean = Series.mean(of: series, name: "mean of \(series.count) runs") else {
        throw UsageError(
          "--mean: expected runs that all overlap along \(reader.axis.rawValue), found runs that do not")
      }
      series = [mean]
      label = "\(reader.metric == "return" ? "return" : label) (mean ± standard error)"
    }
    let environments = Set(configurations.map(\.environment.id)).sorted().joined(separator: ", ")
    let thresholds = Set(configurations.compactMap(\.evaluator.threshold))
    let plot = LinePlot(
      title: title ?? environments, xLabel: reader.axis.label, yLabel: label, series: series,
      threshold: reader.metric == "return" && thresholds.count == 1 ? thresholds.first : nil)
    try write(plot.svg())
    print(out)
    return .success
  }

  /// The folders' names, or their paths if names are equal.
  private var names: [String] {
    let short = folders.map { String($0.split(separator: "/").last ?? "run") }
    return Set(short).count == short.count ? short : folders
  }

  private func write(_ svg: String) throws {
    guard out.hasSuffix(".png") else { return try AtomicFile.replace(out, with: Array(svg.utf8)) }
    let source = "\(out).\(getpid()).svg"
    defer { unlink(source) }
    try AtomicFile.replace(source, with: Array(svg.utf8))
    let status: ExitStatus
    do {
      status = try ProcessSpawn("rsvg-convert", ["--zoom", "2", "--output", out, source]).start().wait()
    } catch {
      guard error.code == ENOENT else { throw error }
      throw UsageError(
        "\(out): a PNG needs rsvg-convert, which is not installed; install it (apt-get install librsvg2-bin), "
          + "or choose a name that ends in .svg")
    }
    guard status.isSuccess else { throw UsageError("\(out): rsvg-convert failed (\(status))") }
  }
}
