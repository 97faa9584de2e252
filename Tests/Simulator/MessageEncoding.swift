// A simulated writer's message as a frame.

internal import Experience
internal import Wire

enum MessageEncoding {
  /// Writes chunks and items; the frame has been begun.
  static func encode(_ message: SentMessage, of incarnation: WriterIncarnation, into frame: FrameWriter) {
    for chunk in message.chunks {
      withViews(columns(of: chunk, incarnation)) { Insert.chunk(frame, chunk, columns: $0) }
    }
    let items = message.items
    let priorities = items.compactMap(\.priority)
    withViews([
      bytes(items.map(\.stream)), bytes(items.map(\.firstIndex)), bytes(items.map { UInt32($0.count) }),
      bytes(priorities),
    ]) { views in
      let block = ItemBlock(
        table: 0, count: items.count, streams: views[0], firstIndices: views[1], spans: views[2],
        priorities: priorities.count == items.count ? views[3] : nil)
      Insert.items(frame, items.isEmpty ? [] : [block])
    }
  }

  /// Observation, action, tag, reward and flags of a chunk's steps.
  private static func columns(of chunk: ChunkHeader, _ incarnation: WriterIncarnation) -> [[UInt8]] {
    let names = (0..<UInt64(chunk.count)).map {
      StepName(incarnation: incarnation.number, stream: Int(chunk.stream), index: chunk.firstIndex + $0)
    }
    return [
      bytes(names.flatMap(StepContent.observation)), bytes(names.map(StepContent.action)),
      bytes(names.map(StepContent.tag)), bytes(names.map(StepContent.reward)),
      names.map { incarnation.step($0.stream, $0.index)?.flags.rawValue ?? 0 },
    ]
  }

  private static func bytes<T: BitwiseCopyable>(_ values: [T]) -> [UInt8] {
    values.withUnsafeBytes { Array($0) }
  }

  private static func withViews(_ columns: [[UInt8]], _ body: ([UnsafeRawBufferPointer]) -> Void) {
    let flat = columns.flatMap { $0 }
    flat.withUnsafeBytes { all in
      var start = 0
      body(
        columns.map { column in
          defer { start += column.count }
          return UnsafeRawBufferPointer(rebasing: all[start..<start + column.count])
        })
    }
  }
}
