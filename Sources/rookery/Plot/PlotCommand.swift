// `rookery plot`: draws learning curves of runs.

internal import Console
internal import Configuration
internal import Foundations
internal import Glibc
internal import Plotting

struct PlotCommand {
  private let folders: [String]
  private let out: String
  /// The range around a mean; nil for a curve for each run.
  private let band: Series.Band?
  /// A mean for each name, not one of all runs.
  private let isByName: Bool
  private let title: String?
  private var reader: CurveReader

  private static let usage =
    "expected runs' folders: rookery plot runs/A runs/B [--out FILE.svg|FILE.png] [--x seconds|env_steps|updates]"

  init(_ list: [String]) throws(UsageError) {
    let arguments = try Arguments(
      list, valued: ["out", "x", "metric", "title"], plain: ["mean", "by-name", "range"])
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
    for flag in ["by-name", "range"] where arguments.has(flag) && !arguments.has("mean") {
      throw UsageError("--\(flag): expected --mean too, as it says which runs' mean is drawn, and how")
    }
    isByName = arguments.has("by-name")
    band = arguments.has("mean") ? arguments.has("range") ? .extremes : .standardError : nil
    title = arguments.value("title")
  }

  mutating func execute() throws -> ExitCode {
    var series: [Series] = []
    for (folder, name) in zip(folders, names) { series.append(try reader.curve(of: folder, named: name)) }
    for note in reader.notes { CommandLineInterface.complain(note) }
    let configurations = folders.compactMap { try? EffectiveConfiguration(file: "\($0)/config.yaml").run }
    var label = reader.label
    if let band {
      series = try means(of: series, band)
      let range =
        switch band {
        case .standardError: "mean ± standard error"
        case .extremes: "mean, least to greatest run"
        }
      label = "\(reader.metric == "return" ? "return" : label) (\(range))"
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

  /// The mean of all runs, or of those of each name, such as `cartpole`, `cartpole-2` and
  /// `cartpole-3`.
  private func means(of series: [Series], _ band: Series.Band) throws(UsageError) -> [Series] {
    let groups = Dictionary(grouping: series) { isByName ? Self.withoutNumber($0.name) : "" }
    var means: [Series] = []
    for (name, runs) in groups.sorted(by: { $0.key < $1.key }) {
      let title = name.isEmpty ? "mean of \(runs.count) runs" : "\(name) (\(runs.count) runs)"
      guard let mean = Series.mean(of: runs, name: title, band: band) else {
        throw UsageError(
          "--mean: expected runs\(name.isEmpty ? "" : " of \(name)") that all overlap along \(reader.axis.rawValue), found runs that do not"
        )
      }
      means.append(mean)
    }
    return means
  }

  private static func withoutNumber(_ name: String) -> String {
    let parts = name.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count > 1, let last = parts.last, Int(last) != nil else { return name }
    return parts.dropLast().joined(separator: "-")
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
