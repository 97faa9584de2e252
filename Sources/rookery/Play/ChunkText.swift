// A recorded chunk as text.

internal import Experience
internal import Foundations
internal import Wire

/// The steps of one chunk of a message, by field, and the items that begin in its stream.
enum ChunkText {
  /// - Parameter chunk: its index in the message.
  static func lines(
    _ message: Accepted, _ insertion: Insertion, chunk: Int, schema: StepSchema, tables: [TableSchema]
  ) -> [String] {
    let header = insertion.chunks[chunk]
    let last = header.firstIndex &+ UInt64(header.count) &- 1
    var lines = [
      "message \(message.number) of \(message.label), \(Log.timestamp(message.time)), chunk \(chunk + 1) of "
        + "\(insertion.chunks.count)",
      "  stream \(header.stream), steps \(header.firstIndex) to \(last), weights version \(header.weightsVersion)"
        + (header.isCut ? ", cut" : ""),
    ]
    let columns = Array(insertion.columns(ofChunk: chunk))
    for step in 0..<header.count {
      let values = zip(schema.fields, columns).map { "\($0.name) \(FieldText.values($0, $1, step: step))" }
      let flags = StepFlags(rawValue: columns[columns.count - 1][step]).names
      lines.append("  \(header.firstIndex &+ UInt64(step))  \((values + flags).joined(separator: "  "))")
    }
    return lines + items(message, insertion, stream: header.stream, tables)
  }

  /// The items of a stream, one a line. Those without a priority take the largest so far.
  private static func items(
    _ message: Accepted, _ insertion: Insertion, stream: UInt32, _ tables: [TableSchema]
  ) -> [String] {
    insertion.items.flatMap { block in
      (0..<block.count).compactMap { index -> String? in
        let item = block[index]
        guard item.stream == stream else { return nil }
        let table = block.table < tables.count ? tables[block.table].name : "table \(block.table)"
        let last = item.firstIndex &+ UInt64(max(1, item.count)) &- 1
        let priority = item.priority.map { "priority \($0)" } ?? "the table's largest priority"
        return "  item of \(table): steps \(item.firstIndex) to \(last), \(priority)"
      }
    }
  }
}
