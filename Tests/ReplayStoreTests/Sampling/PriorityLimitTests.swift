// One wrong priority does not dominate the sampling.

import Experience
import Foundations
import TestSupport
import Testing

@testable import ReplayStore

@Suite struct PriorityLimitTests {
  private func table(limit: Float) -> TableConfiguration {
    var table = transitionTable(1, .prioritized(exponent: 1))
    table.priorityLimit = limit
    return table
  }

  @Test func prioritiesAreClippedAndCounted() throws {
    let store = try makeStore(capacity: 100, table(limit: 4))
    let message = Message().chunk(0, 0, flags: [0, 0, 0, 0, 0])
    message.item(0, 0, 2, 1e30).item(0, 1, 2, 4).item(0, 2, 2, 0.5).item(0, 3, 2)
    _ = try store.insert(message, writer: 0)
    // The last item came without a priority and gets the largest so far.
    #expect(store.statistics.tables[0].mass == 4 + 4 + 0.5 + 4)
    #expect(store.statistics.tables[0].prioritiesClipped == 1)
    #expect(try store.update([1, 2], [3e38, 2]) == (applied: 2, gone: 0))
    #expect(store.statistics.tables[0].mass == 4 + 4 + 2 + 4)
    #expect(store.statistics.tables[0].prioritiesClipped == 2 && store.statistics.tables[0].priorityMax == 4)
    #expect(store.checkInvariants() == nil)
    var draw = Draw()
    var generator = SeededGenerator(seed: 1)
    try store.sample(table: 0, count: 50, generator: &generator, into: &draw)
    #expect(Set(draw.priorities) == [4, 2])
    // Infinite priorities are still refused, not clipped.
    #expect(throws: ReplayStoreError.self) { try store.update([1], [.infinity]) }
  }

  @Test func aNewItemsPriorityIsWithinALimitBelowOne() throws {
    let store = try makeStore(capacity: 100, table(limit: 0.25))
    _ = try store.insert(Message().chunk(0, 0, flags: [0, 0]).item(0, 0, 2), writer: 0)
    #expect(store.statistics.tables[0].mass == 0.25 && store.statistics.tables[0].prioritiesClipped == 0)
  }

  @Test func aLaterProcessMayHaveALowerLimit() throws {
    let folder = TemporaryFolder()
    func store(limit: Float) throws -> ReplayStore {
      let store = try ReplayStore(
        configuration: ReplayStoreConfiguration(
          capacity: 100, tables: [table(limit: limit)], storage: .file(path: folder.path)))
      try store.adopt(schema: Message.schema)
      return store
    }
    do {
      let store = try store(limit: 100)
      try store.openWriter(0, id: Identifier(high: 1, low: 1), label: "w", committed: 0)
      _ = try store.insert(
        Message().chunk(0, 0, flags: [0, 0, 0]).item(0, 0, 2, 50).item(0, 1, 2, 3), writer: 0)
    }
    let second = try store(limit: 5)
    #expect(second.statistics.tables[0].mass == 8 && second.statistics.tables[0].priorityMax == 5)
    #expect(second.checkInvariants() == nil)
  }
}
