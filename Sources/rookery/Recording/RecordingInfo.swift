// `rookery recording info`: what a recording holds.

internal import Console
internal import Experience
internal import Foundations
internal import Recordings

struct RecordingInfo {
  private let path: String
  private let isJSON: Bool
  private let hasDigest: Bool

  /// `rookery recording info FILE [--json] [--digest]`
  init(_ list: [String]) throws(UsageError) {
    let arguments = try Arguments(list, plain: ["json", "digest"])
    guard arguments.positional.count == 1 else {
      throw UsageError("expected rookery recording info FILE [--json] [--digest]")
    }
    path = arguments.positional[0]
    isJSON = arguments.has("json")
    hasDigest = arguments.has("digest")
  }

  func execute() throws -> ExitCode {
    let summary = try RecordingSummary(path: path, digests: hasDigest)
    if isJSON {
      print(try JSON.line(RecordingDocument(summary)), terminator: "")
    } else {
      for line in Self.lines(summary) { print(line) }
    }
    return .success
  }

  private static func lines(_ summary: RecordingSummary) -> [String] {
    var lines = [summary.path]
    if let about = summary.about {
      lines.append("  made     \(Log.timestamp(about.created)) by \(about.program)")
      lines.append("  holds    \(about.filter.isEmpty ? "everything that was accepted" : about.filter)")
    } else {
      lines.append("  made     its description is damaged")
    }
    let duration = Double((summary.ending ?? 0) - (summary.beginning ?? 0)) / 1e9
    let steps = Double(summary.steps)
    lines += [
      "  size     \(Format.count(Double(summary.fileBytes)))B, of \(Format.count(Double(summary.contentBytes)))B of content; "
        + "\(Format.number(Double(summary.fileBytes) / steps)) bytes a step",
      "  time     \(Format.number(duration)) s"
        + (summary.beginning.map { " from \(Log.timestamp($0)) on" } ?? ""),
      "  messages \(summary.messages), with \(summary.steps) steps, \(summary.items) items and \(summary.episodes) ends of episodes",
    ]
    if summary.missed > 0 { lines.append("  missed   \(summary.missed) messages") }
    if !summary.isIndexed { lines.append("  index    none: it is being written, or its writer was ended") }
    for source in summary.sources { lines += Self.lines(source) }
    for damage in summary.damage { lines.append("  damaged  \(damage)") }
    let digests = summary.sources.compactMap(\.digest)
    if digests.count == 1 { lines.append("digest \(digests[0].digest)") }
    return lines
  }

  private static func lines(_ source: RecordingSummary.Source) -> [String] {
    guard let description = source.description else {
      return ["  source   \(source.number): its description is damaged"]
    }
    let start = description.next == 1 ? "began with the shard" : "began with its message \(description.next)"
    var lines = [
      "  source   \(source.number): shard \(description.shard), incarnation \(description.incarnation), "
        + "recorded from \(Log.timestamp(description.time)) on; \(start)",
      "    \(source.messages) messages, \(source.steps) steps, \(source.items) items",
      "    fields \(description.schema.fields.map(\.description).joined(separator: ", "))",
    ]
    for table in description.tables { lines.append("    table  \(table.name): \(table.kind)") }
    let shown = source.actors.sorted { ($0.value.steps, $1.key) > ($1.value.steps, $0.key) }.prefix(32)
    for (label, actor) in shown {
      lines.append("    actor  \(Format.pad(label, 16)) \(actor.messages) messages, \(actor.steps) steps")
    }
    if source.actors.count > shown.count { lines.append("    actor  … \(source.actors.count) in all") }
    lines += RecordingText.absences(source).map { "    \($0)" }
    if let digest = source.digest {
      lines.append(
        "    digest \(digest.digest), \(digest.itemsLeftOut) items without their first step left out")
    }
    return lines
  }
}
