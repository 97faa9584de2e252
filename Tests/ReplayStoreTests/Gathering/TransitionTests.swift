// n-step transitions by hand.

import Experience
import Foundations
import Testing

@testable import ReplayStore

@Suite struct TransitionTests {
  private let none: UInt8 = 0
  private let first: UInt8 = 1
  private let last: UInt8 = 2
  private let terminal: UInt8 = 6

  private func batch(_ store: ReplayStore, count: Int = 1) throws -> (Draw, Batch) {
    var draw = Draw()
    var generator = SeededGenerator(seed: 1)
    try store.sample(table: 0, count: count, generator: &generator, into: &draw)
    return (draw, try Batch(store, draw))
  }

  /// r = 1, 2, 4, (8); γ = .5; n = 3. Full: 1 + 1 + 1 = 3. Two steps before the end: 2 + 2 = 4. One
  /// step before it: 4.
  @Test(arguments: [2, 6] as [UInt8]) func shrinksAtTheEnd(end: UInt8) throws {
    let store = try makeStore(capacity: 9, transitionTable(3, .fifo, discount: 0.5, timesSampledMax: 1))
    let message = Message().chunk(5, 0, flags: [first, none, none, end], rewards: [1, 2, 4, 8])
    message.item(5, 0, 4).item(5, 1, 3).item(5, 2, 2)
    _ = try store.insert(message, writer: 0)
    let (draw, batch) = try batch(store, count: 3)
    #expect(draw.keys == [0, 1, 2])
    #expect(batch.reward == [3, 4, 4])
    #expect(batch.discount == (end == terminal ? [0, 0, 0] : [0.125, 0.25, 0.5]))
    #expect(batch.next == [5, 3, 5, 3, 5, 3])
    #expect(batch.observation == [5, 0, 5, 1, 5, 2])
    #expect(batch.action == [0, 1, 2])
    #expect(batch.picture[600] == 1 && batch.picture.count == 1800)
  }

  @Test func spansChunksOfSeveralMessages() throws {
    let store = try makeStore(capacity: 20, transitionTable(4, .fifo, discount: 1))
    _ = try store.insert(Message().chunk(1, 10, flags: [first, none], version: 3), writer: 7)
    _ = try store.insert(
      Message().chunk(2, 0, flags: [first]).chunk(1, 12, flags: [none], version: 4), writer: 7)
    let message = Message().chunk(2, 1, flags: [none]).chunk(1, 13, flags: [none, none], version: 5).item(
      1, 10, 5)
    _ = try store.insert(message, writer: 7)
    let (draw, batch) = try batch(store)
    #expect(batch.reward[0] == (10..<14).reduce(0) { $0 + Message.reward(1, UInt64($1)) })
    #expect(batch.next == [1, 14])
    var version: UInt64 = 0
    try store.gatherWeightsVersions(draw, into: &version)
    #expect(version == 3)
    #expect(store.checkInvariants() == nil)
  }

  @Test func nothingSpansACut() throws {
    let store = try makeStore(capacity: 20, transitionTable(1))
    _ = try store.insert(Message().chunk(1, 0, flags: [first, none]), writer: 0)
    _ = try store.insert(
      Message().chunk(1, 2, flags: [none, none], cut: true).item(1, 2, 2), writer: 0)
    #expect(
      throws: ReplayStoreError.item(
        table: "replay", index: 0, problem: "expected steps that follow each other, found a cut within")
    ) {
      try store.insert(Message().chunk(1, 4, flags: [none]).item(1, 1, 2), writer: 0)
    }
    // Nor does anything span a gap, which an episode's first step may follow.
    _ = try store.insert(Message().chunk(1, 9, flags: [first]), writer: 0)
    #expect(
      throws: ReplayStoreError.item(
        table: "replay", index: 0,
        problem: "expected steps that were sent, found step 5 in a gap of the stream")
    ) {
      try store.insert(Message().chunk(1, 10, flags: [none]).item(1, 5, 2), writer: 0)
    }
  }

  @Test func evictionTakesWholeChunksAndTheirItems() throws {
    let store = try makeStore(capacity: 10, transitionTable(1, .prioritized(exponent: 1)))
    let start = Message().chunk(0, 0, flags: [0, 0, 0, 0]).chunk(1, 0, flags: [0, 0, 0, 0])
    for index in 0..<3 { start.item(0, UInt64(index), 2).item(1, UInt64(index), 2) }
    _ = try store.insert(start, writer: 0)
    // Three more steps need one slot: the whole first chunk is evicted, and an item that starts in
    // it is stale.
    let next = Message().chunk(0, 4, flags: [0, 0, 0]).item(0, 3, 2, 2).item(0, 4, 2).item(0, 5, 2)
    let summary = try store.insert(next, writer: 0)
    var expected = InsertSummary()
    (expected.steps, expected.items, expected.itemsStale) = (3, 2, 1)
    (expected.stepsEvicted, expected.itemsEvicted) = (4, 3)
    #expect(summary == expected)
    #expect(try store.update([0, 4, 8, 100], [9, 9, 9, 9]) == (applied: 2, gone: 2))
    let statistics = store.statistics
    #expect(statistics.tables[0].itemsStale == 1 && statistics.tables[0].itemsEvictedUnsampled == 3)
    #expect(statistics.tables[0].prioritiesGone == 2 && statistics.tables[0].priorityMax == 9)
    #expect(statistics.tables[0].mass == 1 + 1 + 9 + 9 + 1)
    #expect(statistics.tail == 4 && statistics.head == 11 && statistics.steps == 7 && statistics.chunks == 2)
    #expect(store.checkInvariants() == nil)
  }

  @Test func streamsAreForgottenWithTheirWriter() throws {
    let store = try makeStore(capacity: 4, transitionTable(1))
    _ = try store.insert(Message().chunk(0, 0, flags: [0, 0]), writer: 1)
    _ = try store.insert(Message().chunk(0, 0, flags: [0, 0]), writer: 2)
    #expect(store.statistics.streams == 2)
    store.closeWriter(1)
    #expect(store.statistics.streams == 2)
    _ = try store.insert(Message().chunk(0, 2, flags: [0, 0]), writer: 2)
    #expect(store.statistics.streams == 1)
    // A stream without steps is tracked until its writer closes.
    _ = try store.insert(Message().chunk(0, 0, flags: [0, 0, 0, 0]), writer: 3)
    let late = try store.insert(Message().chunk(0, 4, flags: [0, 0]).item(0, 2, 2), writer: 2)
    #expect(late.itemsStale == 1)
    #expect(store.checkInvariants() == nil)
  }

  @Test func partsOfABatch() throws {
    let store = try makeStore(capacity: 64, transitionTable(1))
    let message = Message().chunk(0, 0, flags: [UInt8](repeating: 0, count: 40))
    for index in 0..<39 { message.item(0, UInt64(index), 2) }
    _ = try store.insert(message, writer: 0)
    let (draw, whole) = try batch(store, count: 33)
    // At an address that is only 8-byte aligned.
    let buffers = try store.batchFields(0).map { field in
      UnsafeMutableRawBufferPointer(
        rebasing: UnsafeMutableRawBufferPointer.allocate(byteCount: field.byteCount * 7 + 8, alignment: 16)[
          8...])
    }
    defer { for buffer in buffers { (buffer.baseAddress! - 8).deallocate() } }
    try store.gather(draw, table: 0, rows: 20..<27, into: buffers)
    #expect(Array(buffers[1].bindMemory(to: Int32.self)) == Array(whole.action[20..<27]))
    #expect(Array(buffers[5].bindMemory(to: Float.self)) == Array(whole.next[40..<54]))
    #expect(throws: ReplayStoreError.self) { try store.gather(draw, table: 0, rows: 20..<28, into: buffers) }
    #expect(throws: ReplayStoreError.self) { try store.gather(draw, table: 0, rows: 30..<34, into: buffers) }
  }
}
