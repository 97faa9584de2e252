// Makes one recording of several.

internal import Foundations
internal import Wire

/// Merges recordings: the new one has the sources of all. An incarnation that is in several files
/// becomes one source, and each of its messages is in the new file once. Blocks whose numbers no
/// other file has are copied as they are.
public struct RecordingMerger {
  /// Merges files.
  ///
  /// - Parameters:
  ///   - paths: of the recordings; they stay as they are.
  ///   - new: of the new recording; no file may be there. If it cannot be written it is removed.
  ///   - level: zstd's, -7 to 19.
  ///   - now: nanoseconds since 1970.
  /// - Throws: `RecordingError`, or `SystemCallError` if the new file cannot be written.
  public static func merge(
    _ paths: [String], to new: String, level: Int = 3, now: Int64
  ) throws -> RecordingResult {
    var readers: [RecordingReader] = []
    for path in paths { readers.append(try RecordingReader(path: path, scans: true)) }
    let merged = try sources(readers)
    let output = try RecordingOutput(path: new, about: about(readers, now: now), level: level)
    do {
      return try write(merged, to: output, damage: readers.flatMap(\.damage))
    } catch {
      output.discard()
      throw error
    }
  }

  private static func about(_ readers: [RecordingReader], now: Int64) -> RecordingAbout {
    let abouts = readers.compactMap(\.about)
    let filters = Set(abouts.map(\.filter))
    let words = filters.map { $0.isEmpty ? "everything" : $0 }.sorted().joined(separator: "; or ")
    return RecordingAbout(
      created: abouts.map(\.created).min() ?? now, program: abouts.first?.program ?? "rookery",
      filter: filters.count == 1 ? filters.first! : words)
  }

  /// The sources of all files, in the order of their first mention.
  private static func sources(_ readers: [RecordingReader]) throws(RecordingError) -> [MergedSource] {
    var merged: [MergedSource] = []
    for reader in readers {
      for (number, description) in reader.sources.enumerated() {
        guard let description else { continue }
        // A reader holds one block at a time: each source is read by its own.
        let cursor = SourceCursor(try RecordingReader(another: reader), source: number)
        if let known = merged.first(where: { $0.description.incarnation == description.incarnation }) {
          try known.add(cursor, description, path: reader.path)
        } else {
          merged.append(MergedSource(cursor, description))
        }
      }
    }
    return merged
  }

  private static func write(
    _ merged: [MergedSource], to output: RecordingOutput, damage: [RecordingDamage]
  ) throws -> RecordingResult {
    for source in merged { try source.begin(output) }
    var open = merged
    // In the order of time, so that a player finds what belongs together side by side.
    while let next = open.indices.min(by: { open[$0].time < open[$1].time }) {
      if try !open[next].step(output) { open.remove(at: next) }
    }
    try output.finish()
    var result = output.result
    var all = damage
    for source in merged {
      result.repeated += source.repeated
      for found in source.damage where !all.contains(found) { all.append(found) }
    }
    result.damage = all
    return result
  }
}
