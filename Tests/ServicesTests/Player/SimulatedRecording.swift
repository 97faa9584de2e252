// A random recording of stores that really accepted it.

import Experience
import Foundations
import ReplayStore
import TestSupport
import Testing
import Wire

@testable import Recordings

/// Random writers insert into a store for each source. What the stores accept is recorded, with
/// gaps if wanted.
struct SimulatedRecording {
  static let tables = [
    TableSchema(name: "transitions", kind: .transition(nStep: 2, discount: 0.9)),
    TableSchema(name: "sequences", kind: .sequence(length: 3, period: 1, episodes: .cross)),
    TableSchema(name: "records", kind: .record),
  ]

  /// A recorded message.
  struct Entry {
    var source: Int
    var number: UInt64
    var time: Int64
    var message: MadeMessage
  }

  /// The stream of one environment, as its writer knows it.
  private struct Stream {
    var next: UInt64
    var lastFlags: UInt8 = 2
    var run = 0
    /// Newest last: index, run, flags.
    var steps: [(index: UInt64, run: Int, flags: UInt8)] = []
    /// First steps of items by table.
    var used: [Set<UInt64>] = [[], [], []]
  }

  private struct Key: Hashable {
    var source: Int
    var writer: UInt64
    var stream: UInt32
  }

  private var generator: SeededGenerator
  private var streams: [Key: Stream] = [:]
  /// The stores' digests, by source.
  private(set) var stores: [ReplayStore] = []
  /// What the file holds, in the order of its times.
  private(set) var entries: [Entry] = []
  private(set) var missed: UInt64 = 0
  private(set) var repeated: UInt64 = 0

  static func store() throws -> ReplayStore {
    var configuration = ReplayStoreConfiguration(
      capacity: 100_000, tables: tables.map { TableConfiguration(schema: $0) })
    configuration.keepsDigest = true
    let store = try ReplayStore(configuration: configuration)
    try store.adopt(schema: MadeMessage.schema)
    return store
  }

  /// Decodes the chunks and items of an INSERT; valid within `body`.
  static func withInsertion<Result>(
    _ content: UnsafeRawBufferPointer, _ body: (Insertion) throws -> Result
  ) throws -> Result {
    var cursor = FrameCursor(content)
    var insertion = Insertion(columnsPerChunk: MadeMessage.schema.columnCount)
    try Insert.content(
      from: &cursor, schema: MadeMessage.schema, rowBytes: MadeMessage.schema.fields.map(\.byteCount) + [1],
      into: &insertion)
    return try body(insertion)
  }

  /// - Parameter hasGaps: leaves messages out, and writes some twice.
  init(seed: UInt64, path: String, sources: Int, messages: Int, hasGaps: Bool) throws {
    generator = SeededGenerator(seed: seed)
    let file = try MadeRecording(path: path, blockMessages: 1 + generator.below(6))
    for source in 0..<sources {
      stores.append(try Self.store())
      try file.addSource(UInt64(source), tables: Self.tables)
    }
    var numbers = Array(repeating: UInt64(0), count: sources)
    var time = MadeRecording.second
    for _ in 0..<messages {
      time += Int64(generator.below(3)) * 1_000_000
      let source = generator.below(sources)
      let message = makeMessage(source)
      numbers[source] += 1
      let store = stores[source]
      let priorities = Self.tables.indices.map { store.priorityMax(table: $0) }
      try message.content().withUnsafeBytes { content in
        try Self.withInsertion(content) { _ = try store.insert($0, writer: Int(message.writer)) }
      }
      if hasGaps, generator.below(8) == 0 {
        missed += 1
        file.addMissed(number: numbers[source], time: time, source: source)
        continue
      }
      entries.append(Entry(source: source, number: numbers[source], time: time, message: message))
      for copy in 0..<(hasGaps && generator.below(10) == 0 ? 2 : 1) {
        repeated += UInt64(copy)
        try file.add(message, number: numbers[source], time: time, priorities: priorities, source: source)
      }
    }
    try file.finish()
    // Messages of one time are played in the order of their numbers, then of their sources.
    entries.sort { ($0.time, $0.number, $0.source) < ($1.time, $1.number, $1.source) }
  }

  private mutating func makeMessage(_ source: Int) -> MadeMessage {
    let writer = UInt64(1 + generator.below(3))
    var chunks: [MadeMessage.Chunk] = []
    let keys = (0..<3).map { Key(source: source, writer: writer, stream: UInt32($0 * 7)) }
    for key in keys where generator.below(2) == 0 {
      for _ in 0...generator.below(2) { chunks.append(makeChunk(key)) }
    }
    var blocks: [MadeMessage.Block] = []
    for table in Self.tables.indices {
      for _ in 0..<1 + generator.below(2) {
        let isExplicit = generator.below(2) == 0
        let items = keys.flatMap { makeItems($0, table, isExplicit) }
        if !items.isEmpty { blocks.append(MadeMessage.Block(table: table, items: items)) }
      }
    }
    return MadeMessage(writer: writer, chunks: chunks, blocks: blocks)
  }

  private mutating func makeChunk(_ key: Key) -> MadeMessage.Chunk {
    var stream = streams[key] ?? Stream(next: UInt64(generator.below(3)) * 50)
    var isCut = false
    var begins = stream.lastFlags & 2 != 0
    switch generator.below(8) {
    case 0:
      // A cut, with or without steps that were never sent.
      isCut = true
      stream.next += UInt64(generator.below(3))
      begins = generator.below(2) == 0
    case 1:
      // An episode that begins behind a gap.
      stream.next += UInt64(1 + generator.below(3))
      begins = true
    default: break
    }
    if isCut || stream.steps.last?.index != stream.next &- 1 { stream.run += 1 }
    let first = stream.next
    var flags: [UInt8] = []
    for step in 0..<1 + generator.below(6) {
      var value: UInt8 = step == 0 ? (begins ? 1 : 0) : (flags[step - 1] & 2 != 0 ? 1 : 0)
      if generator.below(6) == 0 { value |= generator.below(2) == 0 ? 2 : 6 }
      flags.append(value)
      stream.steps.append((stream.next, stream.run, value))
      stream.next += 1
    }
    stream.lastFlags = flags[flags.count - 1]
    streams[key] = stream
    return MadeMessage.Chunk(stream: key.stream, first: first, flags: flags, isCut: isCut)
  }

  /// Some of the items that the stream's last steps allow, in any order.
  private mutating func makeItems(_ key: Key, _ table: Int, _ isExplicit: Bool) -> [Item] {
    guard let stream = streams[key] else { return [] }
    var items: [Item] = []
    for start in stream.steps.indices.suffix(12) where generator.below(2) == 0 {
      let first = stream.steps[start].index
      guard !stream.used[table].contains(first), let count = Self.span(table, stream.steps[start...]) else {
        continue
      }
      streams[key]?.used[table].insert(first)
      let priority = isExplicit ? Float(generator.below(1000)) / 16 : nil
      items.append(Item(stream: key.stream, firstIndex: first, count: count, priority: priority))
    }
    if generator.below(2) == 0 { items.reverse() }
    return items
  }

  /// The span of the item that begins with the first of these steps; nil if there is none.
  private static func span(_ table: Int, _ steps: ArraySlice<(index: UInt64, run: Int, flags: UInt8)>) -> Int?
  {
    let run = Array(steps.prefix { $0.run == steps.first?.run }.prefix(3))
    switch table {
    case 0:
      if run.count > 1, run[0].flags & 2 == 0, run[1].flags & 2 != 0, run[1].flags & 1 == 0 { return 2 }
      let isWhole =
        run.count == 3 && run[0].flags & 2 == 0 && run[1].flags & 3 == 0 && run[2].flags & 1 == 0
      return isWhole ? 3 : nil
    case 1: return run.count == 3 ? 3 : nil
    default: return 1
    }
  }
}
