// Small recordings.

import Experience
import Foundations
import Wire

@testable import Recordings

/// Messages of CartPole-like steps.
enum Fixture {
  static let schema = StepSchema.discrete(observation: [4])
  static let tables = [
    TableSchema(name: "experience", kind: .transition(nStep: 1, discount: 0.99))
  ]
  static let about = RecordingAbout(created: 1_000_000_000, program: "test", filter: "")

  static func source(_ number: UInt64 = 1, next: UInt64 = 1) -> RecordingSource {
    let tap = Tap(
      incarnation: Identifier(high: 7, low: number), shard: Int(number), time: 1_000_000_000, next: next,
      schema: schema, tables: tables, configuration: "seed: 1\n")
    return RecordingSource(tap)!
  }

  static func accepted(_ number: UInt64, writer: UInt64 = 1) -> Accepted {
    Accepted(
      number: number, time: 1_000_000_000 + Int64(number) * 1_000_000,
      writer: PublicName(high: 1, low: writer), label: "actor-\(writer)", priorities: [1])
  }

  /// The chunks and items of an INSERT: `streams` chunks of `count` steps from index `first`, and
  /// an item for each step but the last of each stream.
  static func content(streams: Int = 2, first: UInt64 = 0, count: Int = 4) -> [UInt8] {
    let writer = FrameWriter()
    writer.array(streams)
    var items = ItemColumns()
    for stream in 0..<streams {
      let seed = UInt64(stream) * 1000 + first
      let flags = (0..<count).map { UInt8(first == 0 && $0 == 0 ? 1 : 0) }
      let header = ChunkHeader(stream: UInt32(stream), firstIndex: first, count: count, weightsVersion: 3)
      chunk(header, observation: { Float(seed) + Float($0) / 8 }, flags: flags, into: writer)
      for step in 0..<count - 1 {
        items.append(stream, first: first + UInt64(step), span: 2, priority: Float(step + 1))
      }
    }
    items.withBlock(table: 0) { Insert.items(writer, [$0]) }
    return writer.array()
  }

  /// Appends a chunk. Its actions alternate, and its rewards are 1.
  static func chunk(
    _ header: ChunkHeader, observation: (Int) -> Float, flags: [UInt8], into writer: FrameWriter
  ) {
    let observations = (0..<header.count * 4).map(observation)
    let actions = (0..<header.count).map { Int32(truncatingIfNeeded: $0 % 2) }
    let rewards = Array(repeating: Float(1), count: header.count)
    observations.withUnsafeBytes { observations in
      actions.withUnsafeBytes { actions in
        rewards.withUnsafeBytes { rewards in
          flags.withUnsafeBytes { flags in
            Insert.chunk(writer, header, columns: [observations, actions, rewards, flags])
          }
        }
      }
    }
  }

  /// A block of messages with these numbers, continuing the streams.
  static func block(source: Int = 0, numbers: ClosedRange<UInt64>) -> BlockBuilder {
    var block = BlockBuilder(source: source)
    let scratch = FrameWriter()
    for number in numbers {
      content(first: (number - 1) * 4).withUnsafeBytes {
        block.add(accepted(number), body: $0, steps: 8, items: 6, scratch: scratch)
      }
    }
    return block
  }
}
