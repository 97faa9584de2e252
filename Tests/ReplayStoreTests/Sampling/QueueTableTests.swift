// Queues: each item is read once, in order, and none is lost unread.

import Experience
import Foundations
import Testing

@testable import ReplayStore

@Suite struct QueueTableTests {
  private func queue(itemsMax: Int? = nil, batch: Int = 4, message: Int = 8, minSize: Int = 1)
    -> TableConfiguration
  {
    var table = transitionTable(1, .fifo, itemsMax: itemsMax, timesSampledMax: 1)
    (table.batchSizeMax, table.itemsPerMessageMax) = (batch, message)
    table.limiter = .unlimited(minSize: minSize)
    return table
  }

  /// Steps from `first` on, with an item for each pair that the message completes.
  private func steps(_ count: Int, from first: UInt64) -> Message {
    let message = Message().chunk(0, first, flags: [UInt8](repeating: 0, count: count))
    for index in (first == 0 ? 0 : first - 1)..<first + UInt64(count) - 1 { message.item(0, index, 2) }
    return message
  }

  @Test func aFullQueueHoldsInsertsBackAndSaysWhy() throws {
    let store = try makeStore(capacity: 100, queue(itemsMax: 11))
    _ = try store.insert(steps(9, from: 0), writer: 0)
    let before = store.statistics
    let reason =
      "table 'replay': insert of 4: size 8 + 4 > 11 (max_items), and they are unread (the table is a queue)"
    #expect(throws: ReplayStoreError.blocked(table: 0, reason: reason)) {
      try store.insert(steps(4, from: 9), writer: 0)
    }
    #expect(store.reasonInsertBlocked(items: [4]) == reason && store.canInsert(items: [3]))
    #expect(store.statistics == before)
    var draw = Draw()
    var generator = SeededGenerator(seed: 1)
    try store.sample(table: 0, count: 1, generator: &generator, into: &draw)
    #expect(draw.keys == [0])
    let summary = try store.insert(steps(4, from: 9), writer: 0)
    #expect(summary.items == 4 && summary.itemsRemoved == 0)
  }

  @Test func theRingTakesNoUnreadItemsAway() throws {
    let store = try makeStore(capacity: 12, queue())
    _ = try store.insert(steps(6, from: 0), writer: 0)
    _ = try store.insert(steps(5, from: 6), writer: 0)
    let reason =
      "table 'replay': insert of 2 steps: it would evict the oldest of 10 unread items (the table is a queue)"
    #expect(throws: ReplayStoreError.blocked(table: 0, reason: reason)) {
      try store.insert(steps(2, from: 11), writer: 0)
    }
    _ = try store.insert(steps(1, from: 11), writer: 0)
    var draw = Draw()
    var generator = SeededGenerator(seed: 1)
    // The oldest chunk has items 0 to 5. It stays while one of them is unread.
    for expected in [[0, 1, 2, 3], [4]] as [[UInt64]] {
      try store.sample(table: 0, count: expected.count, generator: &generator, into: &draw)
      #expect(draw.keys == expected)
      #expect(!store.canInsert(items: [2], steps: 2))
    }
    try store.sample(table: 0, count: 1, generator: &generator, into: &draw)
    let summary = try store.insert(steps(2, from: 12), writer: 0)
    #expect(summary.stepsEvicted == 6 && summary.itemsEvicted == 0)
  }

  /// With stacks of 3 the two steps after an evicted chunk lose frames, and their items are
  /// removed.
  @Test func norItemsOfStacksThatLoseAFrame() throws {
    var schema = Message.schema
    schema.fields[0].stack = 3
    var table = queue(batch: 1)
    table.itemsPerMessageMax = 100
    let store = try ReplayStore(configuration: ReplayStoreConfiguration(capacity: 12, tables: [table]))
    try store.adopt(schema: schema)
    _ = try store.insert(steps(6, from: 0), writer: 0)
    _ = try store.insert(steps(6, from: 6), writer: 0)
    var draw = Draw()
    var generator = SeededGenerator(seed: 1)
    // The first two steps have no stack, because the stream does not begin with an episode.
    for key in 2..<8 as Range<UInt64> {
      #expect(!store.canInsert(items: [1], steps: 1), "item \(key) would go")
      try store.sample(table: 0, count: 1, generator: &generator, into: &draw)
      #expect(draw.keys == [key])
    }
    let summary = try store.insert(steps(1, from: 12), writer: 0)
    #expect(summary.stepsEvicted == 6 && summary.itemsEvicted == 0)
  }

  /// With fewer items than a batch the unread ones could not be read, so waiting would block both
  /// sides.
  @Test func stepsWithoutItemsDoNotLockIt() throws {
    let store = try makeStore(capacity: 10, queue())
    _ = try store.insert(Message().chunk(0, 0, flags: [0, 0, 0, 0]).item(0, 0, 2).item(0, 1, 2), writer: 0)
    _ = try store.insert(Message().chunk(0, 4, flags: [0, 0, 0, 0, 0]), writer: 0)
    let summary = try store.insert(Message().chunk(0, 9, flags: [0, 0]), writer: 0)
    #expect(summary.itemsEvicted == 2)
    #expect(store.statistics.tables[0].itemsEvictedUnsampled == 2)
  }

  @Test func queuesThatWouldLockAreRefused() {
    func problem(_ table: TableConfiguration) -> String? { table.problem(capacity: 1000) }
    #expect(problem(queue(itemsMax: 11)) == nil)
    #expect(problem(queue(itemsMax: 10))!.contains("max_items: expected at least 11"))
    #expect(problem(queue(itemsMax: 26, minSize: 20))!.contains("max_items: expected at least 27"))
    var table = queue()
    table.limiter = RateLimiterConfiguration(samplesPerInsert: 2, minSize: 1, errorMin: 0, errorMax: 100)
    #expect(problem(table)!.contains("samples_per_insert: expected 1"))
    table.limiter.samplesPerInsert = 1
    #expect(problem(table) == nil)
    table.itemsMax = 11
    table.limiter.errorMin = 3
    #expect(problem(table)!.contains("max_items: expected at least 14"))
  }

  /// Random writers and readers of random queues. Whenever an insert waits, a batch of the largest
  /// size may be drawn. Each item is read once, in the order of first steps, and losses are
  /// counted.
  @Test func neverBothWait() throws {
    var waits = 0
    for seed in 0..<60 as Range<UInt64> {
      var generator = SeededGenerator(seed: seed)
      let (batch, message) = (1 + generator.below(6), 1 + generator.below(8))
      var table = queue(
        itemsMax: generator.below(2) == 0 ? nil : batch + message + generator.below(20), batch: batch,
        message: message, minSize: 1 + generator.below(batch))
      if generator.below(3) == 0 {
        table.limiter = RateLimiterConfiguration(
          samplesPerInsert: 1, minSize: table.limiter.minSize, errorMin: 0, errorMax: Double(batch + message))
      }
      let capacity = max(2 * message, message + batch) + generator.below(30)
      guard table.problem(capacity: capacity) == nil else { continue }
      waits += try run(try makeStore(capacity: capacity, table), &generator, seed)
    }
    #expect(waits > 500)
  }

  private func run(_ store: ReplayStore, _ generator: inout SeededGenerator, _ seed: UInt64) throws -> Int {
    let table = store.configuration.tables[0]
    var draw = Draw()
    var (next, isNew) = (0 as UInt64, true)
    var (read, inserted, waits) = ([UInt64](), 0, 0)
    for _ in 0..<120 {
      let count = 1 + generator.below(max(1, table.itemsPerMessageMax))
      // Now and then an episode whose steps start few items.
      let flags = (0..<count).map { _ in generator.below(4) == 0 ? 2 : 0 as UInt8 }
      let message = Message()
      var written: [UInt8] = []
      for flag in flags {
        written.append(isNew ? flag | 1 : flag)
        isNew = flag & 2 != 0
      }
      message.chunk(0, next, flags: written)
      for row in 0..<max(0, count - 1) where written[row] & 2 == 0 {
        message.item(0, next + UInt64(row), 2)
      }
      while true {
        do throws(ReplayStoreError) {
          inserted += try store.insert(message, writer: 0).items
          break
        } catch {
          guard case .blocked = error else { throw error }
          waits += 1
          #expect(store.canSample(table: 0, count: table.batchSizeMax), "seed \(seed): both wait: \(error)")
          guard store.canSample(table: 0, count: table.batchSizeMax) else { return 0 }
          try store.sample(table: 0, count: table.batchSizeMax, generator: &generator, into: &draw)
          read += draw.keys
        }
      }
      next += UInt64(count)
    }
    let left = store.statistics.tables[0]
    #expect(read == Array(Set(read)).sorted(), "seed \(seed): not once each in order")
    #expect(read.count + left.size + Int(left.itemsEvicted) == inserted, "seed \(seed)")
    #expect(left.itemsEvicted == left.itemsEvictedUnsampled)
    #expect(left.limiterError == Double(left.size), "seed \(seed): what is lost is settled")
    #expect(store.checkInvariants() == nil)
    return waits
  }
}
