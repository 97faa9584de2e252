// An inspection as text.

internal import Console
internal import Experience
internal import Foundations
internal import Wire

/// The text that `rookery inspect` prints for one replay service.
struct InspectionText {
  private(set) var text: String

  init(address: String, _ inspection: Inspection, _ learner: Learner, isItemAsked: Bool) {
    let ring = inspection.ring
    var lines = [
      "replay \(address)",
      "  steps    \(ring.steps) of \(ring.capacity), \(ring.head) inserted so far; "
        + "\(ring.chunks) chunks of \(ring.streams) streams",
      "  storage  \(inspection.storage)",
    ]
    if let problem = inspection.storageProblem { lines.append("           inserts are refused: \(problem)") }
    if learner.isOwn { lines.append("  learner  \(learner.label ?? "none")") }
    lines.append("  writers  \(inspection.writersTotal)")
    for writer in inspection.writers {
      lines.append(
        "    \(Format.pad(writer.label, 16)) \(writer.committed) messages, \(writer.waiting) waiting, "
          + "last heard \(Format.number(writer.age_s)) s ago")
    }
    for table in inspection.tables { lines += Self.lines(table) }
    if let item = inspection.item {
      lines += Self.lines(item)
    } else if isItemAsked {
      lines.append("  item     no item has this key; it may have been evicted")
    }
    text = lines.joined(separator: "\n")
  }

  private static func lines(_ table: Inspection.Table) -> [String] {
    func number(_ name: String) -> String { table.numbers[name].map(Format.count) ?? "–" }
    var lines = [
      "  table    \(table.name), sampler \(table.sampler)",
      "    items  \(number("size")), mass \(Format.number(table.numbers["mass"] ?? 0)), "
        + "largest priority so far \(Format.number(table.numbers["priority_max"] ?? 0))",
      "    in     \(number("inserted")) inserted, \(number("stale")) stale, \(number("evicted")) evicted "
        + "(\(number("evicted_unsampled")) never sampled), \(number("removed")) removed",
      "    out    \(number("sampled")) sampled, \(number("priorities_updated")) priorities updated, "
        + "\(number("priorities_gone")) came too late",
      "    limits \(Format.number(table.samplesPerInsert)) samples an insert, at least \(table.minSize) items, "
        + "error \(number("error")) within [\(Format.count(table.errorMin)), \(Format.count(table.errorMax))]",
    ]
    for (side, blocked) in [("inserts", table.insertsBlocked), ("samples", table.samplesBlocked)] {
      guard let blocked else { continue }
      lines.append("    \(side) blocked for \(Format.number(blocked.seconds)) s: \(blocked.reason)")
    }
    if let staleness = table.staleness { lines += Self.lines(staleness) }
    for histogram in table.histograms {
      lines.append("    \(Format.pad(histogram.name, 18)) \(Self.bars(histogram))")
    }
    if !table.top.isEmpty {
      let top = table.top.map { "\($0.key) (\($0.priority))" }.joined(separator: ", ")
      lines.append("    largest priorities: \(top)")
    }
    return lines
  }

  private static func lines(_ staleness: Inspection.Staleness) -> [String] {
    var trained = "nothing trained on yet"
    if let figures = staleness.trained, figures.rows > 0 {
      trained =
        "trained on \(Format.count(Double(figures.rows))) rows: mean \(Format.number(figures.mean)), "
        + "p99 \(figures.p99), largest \(figures.max)"
    }
    var lines = ["    stale  at most \(staleness.max) versions (\(staleness.keeping)); \(trained)"]
    if staleness.waitingTotal > 0 {
      lines.append(
        "           \(staleness.waitingTotal) actors wait for leave to act, the first for "
          + "\(Format.number(staleness.waiting_s)) s: \(staleness.waiting.prefix(8).joined(separator: ", "))")
    }
    if !staleness.outdated.isEmpty {
      let items = staleness.outdated.prefix(8).map { "\($0.label) \($0.items)" }
      lines.append("           items removed as too old: \(items.joined(separator: ", "))")
    }
    return lines
  }

  /// The buckets that are not empty: `0: 12 %, <2: 40 %, <4: 48 %`.
  private static func bars(_ histogram: Inspection.Histogram) -> String {
    let total = Double(histogram.counts.reduce(0) { $0 &+ $1 })
    guard total > 0 else { return "none" }
    return histogram.counts.enumerated().filter { $0.element > 0 }.map { bucket, count in
      let bound = Double(sign: .plus, exponent: bucket, significand: histogram.unit)
      let name =
        bucket == 0 && histogram.unit == 1
        ? "0" : "<\(bound < 1000 ? "\(Float(bound))" : Format.count(bound))"
      return "\(name): \(Format.percent(Double(count) / total))"
    }.joined(separator: ", ")
  }

  private static func lines(_ item: InspectedItem) -> [String] {
    let actor = item.label.isEmpty ? "a writer that is no longer known" : item.label
    var lines = [
      "  item     \(item.key) of table \(item.table): priority \(item.priority), sampled \(item.timesSampled) times",
      "    from   \(actor) (writer \(item.writer)), stream \(item.stream), step \(item.firstIndex), "
        + "weights version \(item.weightsVersion)",
    ]
    for step in item.flags.indices {
      let names = StepFlags(rawValue: item.flags[step]).names
      let values = zip(item.fields, item.columns).map { field, column in
        "\(field.name) \(FieldText.values(field, column, step: step))"
      }
      lines.append("    +\(step)     " + (values + names).joined(separator: "  "))
    }
    return lines
  }
}
