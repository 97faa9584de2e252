// Stacks by hand: what they hold, and which items an evicted frame removes.

import Experience
import Foundations
import Testing

@testable import ReplayStore

@Suite struct StackTests {
  private func store(capacity: Int, stack: Int = 3, _ tables: TableConfiguration...) throws -> ReplayStore {
    let store = try ReplayStore(configuration: ReplayStoreConfiguration(capacity: capacity, tables: tables))
    var schema = Message.schema
    schema.fields[3].stack = stack
    try store.adopt(schema: schema)
    return store
  }

  /// The picture indices of all items, oldest first, from column `column` with `planes` a row.
  private func pictures(_ store: ReplayStore, _ column: Int, planes: Int) throws -> [[UInt8]] {
    var draw = Draw()
    var generator = SeededGenerator(seed: 1)
    try store.sample(
      table: 0, count: store.statistics.tables[0].size, generator: &generator, into: &draw)
    let batch = try rawBatch(store, draw, table: 0)[column]
    return (0..<draw.count).map { row in (0..<planes).map { batch[(row * planes + $0) * 600] } }
  }

  private var records: TableConfiguration {
    TableConfiguration(schema: TableSchema(name: "steps", kind: .record), sampler: .fifo, timesSampledMax: 1)
  }

  @Test func theFirstFrameIsRepeated() throws {
    let store = try store(capacity: 20, records)
    let message = Message().chunk(0, 5, flags: [1, 0, 0, 2, 1]).chunk(0, 10, flags: [0])
    for index in 5..<11 as Range<UInt64> { message.item(0, index, 1) }
    _ = try store.insert(message, writer: 0)
    #expect(
      try pictures(store, 3, planes: 3) == [
        [5, 5, 5], [5, 5, 6], [5, 6, 7], [6, 7, 8], [9, 9, 9], [9, 9, 10],
      ]
    )
  }

  @Test func nextObservationsHaveTheirOwn() throws {
    let store = try ReplayStore(
      configuration: ReplayStoreConfiguration(
        capacity: 20, tables: [transitionTable(2, .fifo, timesSampledMax: 1)]))
    try store.adopt(schema: .discrete(observation: [2], stack: 3))
    // The same message without its picture field.
    let message = Message().chunk(0, 0, flags: [1, 0, 0, 0, 6]).item(0, 0, 3).item(0, 1, 3).item(0, 3, 2)
    var insertion = message.insertion()
    insertion.columns.remove(at: 3)
    insertion.columnsPerChunk = 4
    _ = try store.insert(insertion, writer: 0)
    var draw = Draw()
    var generator = SeededGenerator(seed: 1)
    try store.sample(table: 0, count: 3, generator: &generator, into: &draw)
    let columns = try rawBatch(store, draw, table: 0)
    let indices = [0, 4].map { column in
      columns[column].withUnsafeBytes { bytes in
        (0..<9).map { Int(bytes.loadUnaligned(fromByteOffset: $0 * 8 + 4, as: Float.self)) }
      }
    }
    #expect(indices == [[0, 0, 0, 0, 0, 1, 1, 2, 3], [0, 1, 2, 1, 2, 3, 2, 3, 4]])
    withExtendedLifetime(message) {}
  }

  @Test func anEvictedFrameTakesTheItemsThatNeedIt() throws {
    let store = try store(capacity: 10, records)
    let start = Message().chunk(0, 0, flags: [1, 0]).chunk(0, 2, flags: [0]).chunk(
      0, 3, flags: [0, 0, 2, 1, 0])
    for index in 0..<8 as Range<UInt64> { start.item(0, index, 1) }
    _ = try store.insert(start, writer: 0)
    // Three more steps evict steps 0 and 1, and the items of steps 2 and 3 with them; step 4 needs
    // 2, 3 and itself.
    let summary = try store.insert(
      Message().chunk(0, 8, flags: [0, 0, 0]).item(0, 2, 1).item(0, 3, 1).item(0, 8, 1), writer: 0)
    #expect(summary.stepsEvicted == 2 && summary.itemsEvicted == 4)
    #expect(summary.items == 1 && summary.itemsStale == 2)
    #expect(store.statistics.tables[0].itemsEvictedUnsampled == 4)
    #expect(store.checkInvariants() == nil)
    #expect(
      try pictures(store, 3, planes: 3) == [[2, 3, 4], [3, 4, 5], [6, 6, 6], [6, 6, 7], [6, 7, 8]])
  }

  /// A stack holds frames of its own episode only; a new episode begins with what it has.
  @Test func nothingGoesBeyondAnEpisode() throws {
    let store = try store(capacity: 4, stack: 4, records)
    _ = try store.insert(Message().chunk(0, 0, flags: [1, 2]).item(0, 0, 1), writer: 0)
    _ = try store.insert(Message().chunk(0, 2, flags: [1, 0]).item(0, 2, 1).item(0, 3, 1), writer: 0)
    let summary = try store.insert(Message().chunk(0, 4, flags: [0]).item(0, 4, 1), writer: 0)
    #expect(summary.itemsEvicted == 1 && summary.items == 1)
    #expect(store.statistics.tables[0].size == 3)
  }

  /// After a cut, and where a stream's first chunk lies within an episode, the first k − 1 steps
  /// start no items.
  @Test func aCutLeavesNoFramesBehind() throws {
    let store = try store(capacity: 30, records)
    let message = Message().chunk(0, 0, flags: [1, 0, 0]).chunk(0, 3, flags: [0, 0, 0, 0], cut: true)
    for index in 0..<7 as Range<UInt64> { message.item(0, index, 1) }
    message.chunk(1, 40, flags: [0, 0, 1])
    for index in 40..<43 as Range<UInt64> { message.item(1, index, 1) }
    let summary = try store.insert(message, writer: 0)
    #expect(summary.items == 6 && summary.itemsStale == 4)
    #expect(
      try pictures(store, 3, planes: 3) == [
        [0, 0, 0], [0, 0, 1], [0, 1, 2], [3, 4, 5], [4, 5, 6], [42, 42, 42],
      ])
  }

  /// A draw may be gathered after an insert by mistake.
  @Test func aDrawOfFramesThatAreGoneIsRefused() throws {
    let store = try store(capacity: 4, records)
    _ = try store.insert(Message().chunk(0, 0, flags: [1, 0]), writer: 0)
    _ = try store.insert(Message().chunk(0, 2, flags: [0, 0]).item(0, 3, 1), writer: 0)
    var draw = Draw()
    var generator = SeededGenerator(seed: 1)
    try store.sample(table: 0, count: 1, generator: &generator, into: &draw)
    _ = try store.insert(Message().chunk(0, 4, flags: [0]), writer: 0)
    #expect(
      throws: ReplayStoreError.request("gather: expected all frames of the stacks, found some evicted")
    ) {
      _ = try rawBatch(store, draw, table: 0)
    }
  }
  /// The pages to prefetch include the frames of the stack, wherever their chunks lie.
  @Test func thePagesOfADrawHoldItsFrames() throws {
    let store = try store(capacity: 20, records)
    for index in 0..<4 as Range<UInt64> {
      let message = Message().chunk(0, index, flags: [index == 0 ? 1 : 0]).chunk(1, index, flags: [0])
      if index == 3 { message.item(0, 3, 1) }
      _ = try store.insert(message, writer: 0)
    }
    var draw = Draw()
    var generator = SeededGenerator(seed: 1)
    try store.sample(table: 0, count: 1, generator: &generator, into: &draw)
    var pages = ColdPages()
    store.coldPages(of: draw, into: &pages)
    let ring = try #require(store.ring)
    let expected = [2, 4, 6].flatMap { slot in
      [(ring.row(slot), ring.layout.rowStride), (ring.largeArenas[0] + slot * 600, 600)]
    }
    #expect(pages.pieces.map(\.address) == expected.map { UInt(bitPattern: $0.0) })
    #expect(pages.pieces.map(\.count) == expected.map(\.1))
  }
}
