// A process that dies while it evicts, with several tables over a full ring.

import Experience
import Foundations
import TestSupport
import Testing

@testable import ReplayStore

@Suite struct DyingEvictionTests {
  /// What a table may differ from others by: its selectors, and how many items it may have.
  private static let tables = [
    transitionTable(1, .prioritized(exponent: 1), name: "a"), transitionTable(1, .uniform, name: "b"),
    transitionTable(1, .fifo, name: "c"), transitionTable(1, .uniform, name: "few", itemsMax: 9),
  ]
  /// Those that have an item of every step that has a successor.
  private static let same = 3

  private struct Writing {
    let store: ReplayStore
    var next: UInt64 = 0
    var sequence: UInt64 = 0

    init(_ configuration: ReplayStoreConfiguration) throws {
      store = try ReplayStore(configuration: configuration)
      try store.adopt(schema: Message.schema)
      try store.openWriter(0, id: Identifier(high: 1, low: 2), label: "w", committed: 0)
    }

    mutating func message(_ count: Int) -> Message {
      let flags = [UInt8](repeating: 0, count: count)
      let message = Message().chunk(0, next, flags: flags)
      for first in (next > 0 ? next - 1 : 0)..<next + UInt64(count) - 1 {
        for table in DyingEvictionTests.tables.indices {
          message.item(0, first, 2, Float(first + 1), table: table)
        }
      }
      next += UInt64(count)
      sequence += 1
      return message
    }
  }

  /// Every stage of a message that evicts several chunks of several tables and makes a table's remover choose, each time that it is
  /// reached: small messages and one of many chunks' worth of steps.
  @Test(arguments: [(1, 4), (3, 3), (9, 2), (2, 30)])
  func everyStageLeavesTablesAlike(usual: Int, last: Int) throws {
    var reached: [String: Int] = [:]
    repeat {
      // One more death each round, until a message has come through.
      let before = reached.values.reduce(0, +)
      try die(usual: usual, last: last, at: before, &reached)
      if reached.values.reduce(0, +) == before { break }
    } while true
    for stage in CommitStage.allCases { #expect(reached["\(stage)", default: 0] > 0, "\(stage)") }
    #expect(reached["evicting", default: 0] >= 1 + Self.tables.count)
  }

  /// Copies the folder at stage number `at`, and looks at what the copy's next life finds.
  private func die(usual: Int, last: Int, at death: Int, _ reached: inout [String: Int]) throws {
    let (folder, copy) = (TemporaryFolder(), TemporaryFolder())
    var configuration = ReplayStoreConfiguration(
      capacity: 36, tables: Self.tables, storage: .file(path: folder.path))
    var writing = try Writing(configuration)
    let store = writing.store
    while writing.next < 80 {
      let message = writing.message(usual)
      _ = try store.insert(message.insertion(), writer: 0, sequence: writing.sequence)
      withExtendedLifetime(message) {}
    }
    let before = (head: store.statistics.head, items: items(of: store))
    var stage: CommitStage?
    var count = 0
    store.ring!.folder!.stageReached = { now in
      if count == death {
        stage = now
        copyFiles(from: folder.path, to: copy.path)
      }
      count += 1
    }
    let message = writing.message(last)
    _ = try store.insert(message.insertion(), writer: 0, sequence: writing.sequence)
    guard let stage else { return }
    reached["\(stage)", default: 0] += 1
    configuration.storage = .file(path: copy.path)
    var other = try ReplayStore(configuration: configuration)
    let place = "\(stage), number \(death)"
    #expect(other.checkInvariants() == nil, "\(place)")
    #expect(other.recovery?.itemsDropped == 0 && other.recovery?.stepsDropped == 0, "\(place)")
    let isIn = stage == .committed || stage == .marked
    #expect(other.recovery?.writers.map(\.committed) == [writing.sequence - (isIn ? 0 : 1)], "\(place)")
    if !isIn {
      #expect(other.statistics.head == before.head, "\(place)")
      let tail = other.ring!.tail
      let expected = before.items.map { $0.filter { $0.key >= tail } }
      #expect(items(of: other) == expected, "\(place): each item of a step that is there, and its priority")
      // A life in between that only serves, and dies too: nothing is taken back twice.
      let drawn = try touch(other)
      other = try ReplayStore(configuration: configuration)
      #expect(items(of: other) == drawn, "\(place): what was updated since stays updated")
      try restore(other, expected)
      _ = try other.insert(message.insertion(), writer: 0, sequence: writing.sequence)
    }
    #expect(items(of: other) == items(of: store), "\(place): as if nothing had happened")
    for table in 0..<Self.same {
      #expect(items(of: other)[table].keys == items(of: other)[0].keys, "\(place)")
    }
    withExtendedLifetime(message) {}
  }

  /// Items by key with their priorities, of each table.
  private func items(of store: ReplayStore) -> [[UInt64: Float]] {
    let ring = store.ring!
    return store.tables.map { table in
      var found: [UInt64: Float] = [:]
      for position in ring.tail..<ring.head where table.records[ring.slot(position)].isItem {
        found[position] = table.records[ring.slot(position)].priority
      }
      return found
    }
  }

  /// Gives each item another priority; returns them all.
  private func touch(_ store: ReplayStore) throws -> [[UInt64: Float]] {
    for (table, items) in items(of: store).enumerated() where !items.isEmpty {
      let keys = items.keys.sorted()
      _ = try store.update(keys, keys.map { items[$0]! + 1000 }, table: table)
    }
    return items(of: store)
  }

  private func restore(_ store: ReplayStore, _ items: [[UInt64: Float]]) throws {
    for (table, items) in items.enumerated() where !items.isEmpty {
      let keys = items.keys.sorted()
      _ = try store.update(keys, keys.map { items[$0]! }, table: table)
    }
  }
}
