// A recording that tests play.

import Experience
import Foundation
import Foundations
import TestSupport
import Wire

/// Writers with two streams each, whose messages continue each other: every step but the newest of
/// a stream begins an item of two steps.
struct PlayedRecording {
  static let chunkSteps = 16
  let path: String
  let writers: Int
  /// Messages of each writer.
  let messages: Int
  /// What a store that is given all of it digests.
  private(set) var digest = ExperienceDigest()

  var steps: Int { writers * messages * 2 * Self.chunkSteps }
  /// The newest step of each stream has none.
  var items: Int { steps - writers * 2 }

  /// - Parameter interval_ms: time between two messages.
  init(
    _ path: String, writers: Int = 2, messages: Int, interval_ms: Double = 1,
    schema: StepSchema = MadeMessage.schema
  ) throws {
    (self.path, self.writers, self.messages) = (path, writers, messages)
    let file = try MadeRecording(path: path, blockMessages: 16, schema: schema)
    try file.addSource(1, tables: [StreamWriter.table])
    var positions: [[UInt64]: UInt64] = [:]
    var largest: Float = 1
    for number in 0..<writers * messages {
      let message = Self.message(writer: UInt64(1 + number % writers), index: number / writers)
      try file.add(
        message, number: UInt64(number + 1),
        time: MadeRecording.second + Int64(Double(number) * interval_ms * 1e6),
        priorities: [largest])
      try add(message, schema, &positions, &largest)
    }
    try file.finish()
  }

  /// The message of a writer. The items of the first of its streams have no priority.
  private static func message(writer: UInt64, index: Int) -> MadeMessage {
    let first = UInt64(index * chunkSteps)
    let flags = (0..<chunkSteps).map { UInt8(index == 0 && $0 == 0 ? 1 : 0) }
    let from = index == 0 ? 0 : first - 1
    func items(_ stream: UInt32, _ priority: (UInt64) -> Float?) -> MadeMessage.Block {
      let starts = from..<first + UInt64(chunkSteps) - 1
      return MadeMessage.Block(
        table: 0,
        items: starts.map { Item(stream: stream, firstIndex: $0, count: 2, priority: priority($0)) })
    }
    return MadeMessage(
      writer: writer, chunks: [5, 6].map { MadeMessage.Chunk(stream: $0, first: first, flags: flags) },
      blocks: [items(5) { _ in nil }, items(6) { Float($0 % 1009) / 8 }])
  }

  private mutating func add(
    _ message: MadeMessage, _ schema: StepSchema, _ positions: inout [[UInt64]: UInt64],
    _ largest: inout Float
  ) throws {
    try message.content(schema: schema).withUnsafeBytes { content in
      var cursor = FrameCursor(content)
      var insertion = Insertion(columnsPerChunk: schema.columnCount)
      try Insert.content(
        from: &cursor, schema: schema, rowBytes: schema.fields.map(\.byteCount) + [1], into: &insertion)
      for (index, chunk) in insertion.chunks.enumerated() {
        let position = digest.steps
        digest.add(insertion, chunk: index, at: position)
        for step in 0..<UInt64(chunk.count) {
          positions[[message.writer, UInt64(chunk.stream), chunk.firstIndex + step]] = position + step
        }
      }
    }
    for block in message.blocks {
      for item in block.items {
        let priority = item.priority ?? largest
        largest = max(largest, priority)
        let position = positions[[message.writer, UInt64(item.stream), item.firstIndex]] ?? 0
        digest.add(table: block.table, position: position, span: item.count, priority: priority)
      }
    }
  }
}
