// Batches of every kind against numpy.

import Experience
import Foundations
import TestSupport
import Testing

@testable import ReplayStore

@Suite struct BatchFixtureTests {
  /// Tables of all kinds in one store, over chunks of many sizes: their batches equal those that
  /// numpy makes of the streams.
  @Test(arguments: Seeds.list(count: 10)) func batchesAreThoseOfNumpy(seed: UInt64) throws {
    let fixture = try BatchFixture()
    let tables = fixture.tables.enumerated().map { number, table in
      TableConfiguration(
        schema: TableSchema(name: "table-\(number)", kind: table.kind), sampler: .fifo, timesSampledMax: 1)
    }
    var draw = SeededGenerator(seed: seed, part: "batches")
    // Just enough, so that the ring's end lies within the streams.
    let capacity = fixture.count * fixture.streams.count + 20
    let store = try ReplayStore(configuration: ReplayStoreConfiguration(capacity: capacity, tables: tables))
    try store.adopt(schema: fixture.schema)
    try write(fixture, 0..<1 + draw.below(20), stream: 9, to: store)
    var starts: [UInt64: Item] = [:]
    var nexts = fixture.streams.map { _ in 0 }
    while let stream = nexts.indices.filter({ nexts[$0] < fixture.count }).randomElement(using: &draw) {
      let rows = nexts[stream]..<min(fixture.count, nexts[stream] + 1 + draw.below(9))
      for row in rows {
        starts[store.statistics.head + UInt64(row - rows.lowerBound)] = Item(
          stream: UInt32(stream), firstIndex: UInt64(row), count: 0, priority: nil)
      }
      nexts[stream] = rows.upperBound
      try write(fixture, rows, stream: stream, to: store)
    }
    #expect(store.checkInvariants() == nil)
    for (number, table) in fixture.tables.enumerated() {
      try check(table, number, store, starts, seed)
    }
  }

  /// Writes rows of a stream (9: those of the first stream, as another), and the items that end in
  /// them.
  private func write(_ fixture: BatchFixture, _ rows: Range<Int>, stream: Int, to store: ReplayStore) throws {
    let source = fixture.streams[stream == 9 ? 0 : stream]
    let frame = fixture.schema.fields[0].byteCount
    var insertion = Insertion(columnsPerChunk: fixture.schema.columnCount)
    insertion.chunks = [
      ChunkHeader(
        stream: UInt32(stream), firstIndex: UInt64(rows.lowerBound), count: rows.count, weightsVersion: 1)
    ]
    var memory: [[UInt8]] = [
      Array(source.frames[rows.lowerBound * frame..<rows.upperBound * frame]),
      Array(source.actions[rows].withUnsafeBytes { Array($0) }),
      Array(source.rewards[rows].withUnsafeBytes { Array($0) }), Array(source.flags[rows]),
    ]
    var blocks: [(table: Int, items: [Item])] = []
    for (number, table) in fixture.tables.enumerated() where stream != 9 {
      let items = table.items.filter {
        Int($0.stream) == stream && rows.contains(Int($0.firstIndex) + $0.count - 1)
      }
      blocks.append((number, items))
      memory.append(items.map(\.stream).withUnsafeBytes { Array($0) })
      memory.append(items.map(\.firstIndex).withUnsafeBytes { Array($0) })
      memory.append(items.map { UInt32($0.count) }.withUnsafeBytes { Array($0) })
    }
    try withViews(memory) { views in
      insertion.columns = Array(views[..<4])
      insertion.items = blocks.enumerated().map { index, block in
        ItemBlock(
          table: block.table, count: block.items.count, streams: views[4 + index * 3],
          firstIndices: views[5 + index * 3], spans: views[6 + index * 3], priorities: nil)
      }
      let summary = try store.insert(insertion, writer: 0)
      #expect(summary.itemsStale == 0)
    }
  }

  private func check(
    _ table: BatchFixture.Table, _ number: Int, _ store: ReplayStore, _ starts: [UInt64: Item], _ seed: UInt64
  ) throws {
    var draw = Draw()
    var generator = SeededGenerator(seed: 1)
    #expect(store.statistics.tables[number].size == table.items.count)
    try store.sample(table: number, count: table.items.count, generator: &generator, into: &draw)
    let columns = try rawBatch(store, draw, table: number)
    let fields = try store.batchFields(number)
    #expect(columns.count == table.columns.count)
    var rows = Set<Int>()
    for (row, key) in draw.keys.enumerated() {
      let start = try #require(starts[key])
      let expected = try #require(
        table.items.firstIndex { $0.stream == start.stream && $0.firstIndex == start.firstIndex })
      rows.insert(expected)
      for (column, field) in fields.enumerated() {
        let bytes = field.byteCount
        #expect(
          columns[column][row * bytes..<(row + 1) * bytes]
            == table.columns[column][expected * bytes..<(expected + 1) * bytes],
          "\(table.kind), \(start.stream), \(start.firstIndex), \(field); \(Seeds.replay(seed))")
      }
    }
    #expect(rows.count == table.items.count)
  }

  private func withViews<R>(_ memory: [[UInt8]], _ body: ([UnsafeRawBufferPointer]) throws -> R) rethrows -> R
  {
    let copies = memory.map { bytes in
      let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, bytes.count), alignment: 8)
      copy.copyBytes(from: bytes)
      return (memory: copy, count: bytes.count)
    }
    defer { for copy in copies { copy.memory.deallocate() } }
    return try body(copies.map { UnsafeRawBufferPointer(start: $0.memory.baseAddress, count: $0.count) })
  }
}
