// Recordings made at random, and what they hold.

import Experience
import Foundations
import Wire

@testable import Recordings

/// A message of a random recording, as values.
struct ModelMessage {
  var accepted: Accepted
  /// A part of a stream: its chunk's header, and the flags of its steps.
  var chunks: [(header: ChunkHeader, flags: [UInt8])]
  /// By table.
  var items: [(table: Int, items: [Item])]

  var steps: Int { chunks.reduce(0) { $0 + $1.header.count } }
  var itemCount: Int { items.reduce(0) { $0 + $1.items.count } }

  /// The bytes of chunks and items.
  var content: [UInt8] { content(tables: nil) }

  /// The bytes with the items of some tables only.
  func content(tables: Set<Int>?) -> [UInt8] {
    let writer = FrameWriter()
    writer.array(chunks.count)
    for chunk in chunks {
      let seed = Float(chunk.header.firstIndex)
      Fixture.chunk(chunk.header, observation: { seed + Float($0) / 16 }, flags: chunk.flags, into: writer)
    }
    let kept = items.filter { tables?.contains($0.table) ?? true }
    Insert.beginItems(writer, blocks: kept.count)
    for block in kept {
      var columns = ItemColumns()
      for item in block.items { columns.append(item) }
      columns.withBlock(table: block.table) { Insert.items(writer, $0) }
    }
    return writer.array()
  }
}

/// Messages of one incarnation, as its shard accepted them.
struct RandomRecording {
  static let tables = [
    TableSchema(name: "experience", kind: .transition(nStep: 1, discount: 0.99)),
    TableSchema(name: "steps", kind: .record),
  ]
  let source: RecordingSource
  private(set) var messages: [ModelMessage] = []

  init(_ number: UInt64, messages count: Int, using generator: inout SeededGenerator) {
    var source = Fixture.source(number)
    source.tables = Self.tables
    self.source = source
    var ends: [UInt64: [UInt64]] = [:]
    for number in 1...UInt64(count) {
      let writer = UInt64(1 + generator.below(3))
      messages.append(Self.message(number, writer: writer, &ends[writer, default: [0, 0, 0]], &generator))
    }
  }

  private static func message(
    _ number: UInt64, writer: UInt64, _ ends: inout [UInt64], _ generator: inout SeededGenerator
  ) -> ModelMessage {
    var accepted = Fixture.accepted(number, writer: writer)
    accepted.priorities = [Float(1 + generator.below(4)), 1]
    var message = ModelMessage(accepted: accepted, chunks: [], items: [])
    for _ in 0..<generator.below(3) {
      let stream = generator.below(3)
      let gap = UInt64(generator.below(4) == 0 ? generator.below(5) : 0)
      let header = ChunkHeader(
        stream: UInt32(stream), firstIndex: ends[stream] + gap, count: 1 + generator.below(5),
        weightsVersion: UInt64(generator.below(3)), isCut: gap > 0)
      ends[stream] = header.firstIndex + UInt64(header.count)
      message.chunks.append((header, (0..<header.count).map { _ in generator.below(5) == 0 ? 6 : 0 }))
    }
    for table in 0..<2 where generator.below(3) > 0 {
      let hasPriorities = generator.below(2) == 0
      let items = (0..<1 + generator.below(4)).map { _ in
        let stream = generator.below(3)
        return Item(
          stream: UInt32(stream), firstIndex: UInt64(generator.below(Int(ends[stream]) + 2)),
          count: 1 + generator.below(2),
          priority: hasPriorities ? Float(generator.below(40)) / 4 : nil)
      }
      message.items.append((table, items))
    }
    return message
  }

  /// Records the messages that are kept, in blocks of random sizes; the others become missed, or
  /// are skipped as a filter does.
  ///
  /// - Returns: the numbers of missed messages.
  func record(
    to path: String, _ generator: inout SeededGenerator, keep: (ModelMessage) -> Fate
  ) throws -> NumberRanges {
    let file = try RecordingFile(path: path, about: Fixture.about, level: 1)
    var missed = NumberRanges()
    let first = messages.first { keep($0) == .recorded }?.accepted.number ?? 1
    var source = source
    source.next = first
    let number = try file.add(source)
    var block = BlockBuilder(source: number)
    let scratch = FrameWriter()
    for message in messages where message.accepted.number >= first {
      let accepted = message.accepted
      switch keep(message) {
      case .recorded:
        message.content.withUnsafeBytes {
          block.add(accepted, body: $0, steps: message.steps, items: message.itemCount, scratch: scratch)
        }
      case .skipped: block.skip(number: accepted.number, time: accepted.time)
      case .missed:
        missed.insert(accepted.number...accepted.number)
        block.add(
          MissedMessages(numbers: accepted.number...accepted.number, time: accepted.time), scratch: scratch)
      }
      if generator.below(4) == 0 {
        try file.append(block)
        block = BlockBuilder(source: number)
      }
    }
    if !block.isEmpty { try file.append(block) }
    if generator.below(2) == 0 { try file.finish() }
    return missed
  }

  /// What becomes of a message.
  enum Fate { case recorded, skipped, missed }

  /// The messages as they are read.
  func read(_ isMeant: (ModelMessage) -> Bool) -> [ReadMessage] {
    messages.filter(isMeant).map {
      ReadMessage(incarnation: source.incarnation, message: $0.accepted, content: $0.content)
    }
  }
}
