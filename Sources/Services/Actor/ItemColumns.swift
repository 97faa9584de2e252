// Items on their way into a message.

internal import Experience
internal import Wire

/// Items of one table, column by column.
struct ItemColumns {
  private var streams: [UInt32] = []
  private var firstIndices: [UInt64] = []
  private var spans: [UInt32] = []
  /// One each, or none: then they take the table's largest.
  private var priorities: [Float] = []

  var count: Int { streams.count }

  mutating func append(_ stream: Int, first: UInt64, span: Int) {
    streams.append(UInt32(stream))
    firstIndices.append(first)
    spans.append(UInt32(span))
  }

  mutating func append(_ stream: Int, first: UInt64, span: Int, priority: Float) {
    append(stream, first: first, span: span)
    priorities.append(priority)
  }

  /// Removes the items that end with the row at `index` or later: it will not be sent.
  mutating func drop(from index: UInt64) {
    keep(firstIndices.indices.filter { firstIndices[$0] + UInt64(spans[$0]) <= index })
  }

  /// Removes those that start before the row at `index`: what came before it is lost.
  mutating func cut(at index: UInt64) {
    keep(firstIndices.indices.filter { firstIndices[$0] >= index })
  }

  private mutating func keep(_ kept: [Int]) {
    streams = kept.map { streams[$0] }
    spans = kept.map { spans[$0] }
    if !priorities.isEmpty { priorities = kept.map { priorities[$0] } }
    firstIndices = kept.map { firstIndices[$0] }
  }

  /// Appends the items as one block of a table, and starts over.
  mutating func encode(into frame: FrameWriter, table: Int) {
    streams.withUnsafeBytes { streams in
      firstIndices.withUnsafeBytes { firstIndices in
        spans.withUnsafeBytes { spans in
          priorities.withUnsafeBytes { priorities in
            Insert.items(
              frame,
              ItemBlock(
                table: table, count: spans.count / 4, streams: streams, firstIndices: firstIndices,
                spans: spans, priorities: priorities.isEmpty ? nil : priorities))
          }
        }
      }
    }
    streams.removeAll(keepingCapacity: true)
    firstIndices.removeAll(keepingCapacity: true)
    spans.removeAll(keepingCapacity: true)
    priorities.removeAll(keepingCapacity: true)
  }
}
