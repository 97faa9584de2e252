// What of the experience is recorded.

internal import Configuration
internal import Experience
internal import Foundations
internal import Wire

/// Selects actors, tables and streams. A message of which something is left out is written again
/// without it.
struct RecordingFilter {
  private let actors: Set<String>
  private let tables: Set<String>
  private let share: Double

  init(_ configuration: RecorderConfiguration) {
    actors = Set(configuration.actors)
    tables = Set(configuration.tables)
    share = configuration.share
  }

  /// Whether every message is recorded as it is.
  var keepsAll: Bool { actors.isEmpty && tables.isEmpty && share >= 1 }

  /// Whether messages of a writer are recorded.
  func keeps(actor label: String) -> Bool { actors.isEmpty || actors.contains(label) }

  /// In words, for the file; empty if everything is recorded.
  var description: String {
    var parts: [String] = []
    if !actors.isEmpty { parts.append("actors \(actors.sorted().joined(separator: ", "))") }
    if !tables.isEmpty { parts.append("tables \(tables.sorted().joined(separator: ", "))") }
    if share < 1 { parts.append("share \(share) of the streams") }
    return parts.joined(separator: "; ")
  }

  /// Tables that are not among a shard's.
  func unknownTables(among known: [TableSchema]) -> [String] {
    tables.subtracting(known.map(\.name)).sorted()
  }

  /// Writes the chunks and items that are kept. Returns their steps and items; nil if nothing is
  /// left.
  func write(
    _ insertion: Insertion, of writer: PublicName, tables schemas: [TableSchema], into frame: FrameWriter
  ) -> (steps: Int, items: Int)? {
    let chunks = insertion.chunks.indices.filter { keeps(insertion.chunks[$0].stream, of: writer) }
    var blocks: [(table: Int, columns: ItemColumns)] = []
    for block in insertion.items where keeps(table: block.table, schemas) {
      var columns = ItemColumns()
      for index in 0..<block.count {
        let item = block[index]
        guard keeps(item.stream, of: writer) else { continue }
        columns.append(item)
      }
      if columns.count > 0 { blocks.append((block.table, columns)) }
    }
    guard !chunks.isEmpty || !blocks.isEmpty else { return nil }
    frame.clear()
    frame.array(chunks.count)
    for chunk in chunks {
      Insert.chunk(frame, insertion.chunks[chunk], columns: insertion.columns(ofChunk: chunk))
    }
    Insert.beginItems(frame, blocks: blocks.count)
    for (table, columns) in blocks { columns.withBlock(table: table) { Insert.items(frame, $0) } }
    return (
      chunks.reduce(0) { $0 + insertion.chunks[$1].count }, blocks.reduce(0) { $0 + $1.columns.count }
    )
  }

  private func keeps(table: Int, _ schemas: [TableSchema]) -> Bool {
    tables.isEmpty || schemas.indices.contains(table) && tables.contains(schemas[table].name)
  }

  /// A stream is kept or left out as a whole, in every incarnation of the recorder.
  private func keeps(_ stream: UInt32, of writer: PublicName) -> Bool {
    if share >= 1 { return true }
    var mixer = SeededGenerator(seed: writer.high ^ writer.low &+ UInt64(stream) &* 0x9E37_79B9_7F4A_7C15)
    return Double(mixer.next() >> 11) * 0x1p-53 < share
  }
}
