// Processes that die while a message is committed.

import Experience
import Foundations
import TestSupport
import Testing

@testable import ReplayStore

/// The folder of a process that is killed at any stage of a message. The message is there whole or
/// not at all, and the writer's mark says which. What it evicted is removed from all tables;
/// everything else is in all of them.
@Suite struct DeathTests {
  /// A configuration, and its messages.
  struct Variant: CustomTestStringConvertible, Sendable {
    var name: String
    var tables: [TableConfiguration]
    var schema = Message.schema
    var capacity = 8...27
    var steps = 1...5
    var seeds = 12
    var testDescription: String { name }
  }

  /// Three tables that hold the same items.
  private static let three = ["one", "two", "three"].map {
    transitionTable(2, .prioritized(exponent: 1), name: $0)
  }

  static let variants = [
    Variant(name: "one table", tables: [transitionTable(2, .prioritized(exponent: 1))]),
    Variant(name: "three tables", tables: three),
    Variant(name: "large messages", tables: three, capacity: 120...160, steps: 40...90, seeds: 4),
    Variant(name: "stacks", tables: three, schema: stacked, seeds: 8),
    Variant(
      name: "removers",
      tables: [
        transitionTable(2, name: "fifo", itemsMax: 6),
        transitionTable(2, .prioritized(exponent: 1), name: "lifo", remover: .lifo, itemsMax: 5),
        transitionTable(2, name: "least", remover: .minHeap, itemsMax: 2),
      ]),
  ]

  private static var stacked: StepSchema {
    var schema = Message.schema
    schema.fields[3].stack = 3
    return schema
  }

  @Test(arguments: variants) func aProcessMayDieAtAnyStage(_ variant: Variant) throws {
    var reached = Set<CommitStage>()
    for seed in 0..<UInt64(variant.seeds) { reached.formUnion(try die(variant, seed: seed)) }
    let isStacked = variant.schema != Message.schema
    let hasRemovers = variant.tables.contains { $0.itemsMax != nil }
    for stage in CommitStage.allCases
    where stage != .framesLost && stage != .removed || stage == .framesLost && isStacked
      || stage == .removed && hasRemovers
    {
      #expect(reached.contains(stage), "\(stage) was never reached")
    }
  }

  /// Returns the stages of the last message; the process is killed at each.
  private func die(_ variant: Variant, seed: UInt64) throws -> Set<CommitStage> {
    let folder = TemporaryFolder()
    var generator = SeededGenerator(seed: seed)
    let capacity = variant.capacity.lowerBound + generator.below(variant.capacity.count)
    let configuration = ReplayStoreConfiguration(
      capacity: capacity, tables: variant.tables, storage: .file(path: folder.path))
    let store = try ReplayStore(configuration: configuration)
    try store.adopt(schema: variant.schema)
    try store.openWriter(0, id: Identifier(high: 1, low: 2), label: "actor-1", committed: 0)
    var deaths: [(stage: CommitStage, copy: TemporaryFolder)] = []
    var next: UInt64 = 0
    let last = UInt64(6 + generator.below(8))
    for sequence in 1..<last {
      let message = message(&next, variant, &generator)
      _ = try store.insert(message.insertion(), writer: 0, sequence: sequence)
      withExtendedLifetime(message) {}
    }
    // A later message changes earlier items.
    let before = contents(of: store)
    let (tail, head) = (store.statistics.tail, store.statistics.head)
    let message = message(&next, variant, &generator)
    store.ring!.folder!.stageReached = { stage in
      let copy = TemporaryFolder()
      copyFiles(from: folder.path, to: copy.path)
      deaths.append((stage, copy))
    }
    _ = try store.insert(message.insertion(), writer: 0, sequence: last)
    for (number, (stage, copy)) in deaths.enumerated() {
      let what: Comment = "\(variant.name), seed \(seed), death \(number) at \(stage)"
      var copied = configuration
      copied.storage = .file(path: copy.path)
      // It is killed once more at its start: a change that has been undone is not undone again
      // later.
      _ = try ReplayStore(configuration: copied)
      let other = try ReplayStore(configuration: copied)
      let recovery = try #require(other.recovery)
      #expect(other.checkInvariants() == nil, what)
      let isIn = stage == .committed || stage == .marked
      #expect(recovery.writers.map(\.committed) == [isIn ? last : last - 1], what)
      #expect(recovery.writers.map(\.label) == ["actor-1"])
      #expect(recovery.itemsDropped == 0 && recovery.stepsDropped == 0, what)
      if !isIn {
        // Complete steps with all their items, or none of either.
        #expect(other.statistics.head == head && other.statistics.tail >= tail, what)
        let kept = Array(before[Int(other.statistics.tail - tail)...])
        #expect(variant.schema != Message.schema || contents(of: other) == kept, what)
        _ = try other.insert(message.insertion(), writer: 0, sequence: last)
      }
      #expect(other.statistics.tail == store.statistics.tail, what)
      #expect(other.statistics.head == store.statistics.head, what)
      #expect(contents(of: other) == contents(of: store), what)
      #expect(other.checkInvariants() == nil, what)
    }
    withExtendedLifetime(message) {}
    return Set(deaths.map(\.stage))
  }

  /// The stream's next steps and all items that end in them, the same for each table.
  private func message(_ next: inout UInt64, _ variant: Variant, _ generator: inout SeededGenerator)
    -> Message
  {
    let count = variant.steps.lowerBound + generator.below(variant.steps.count)
    let message = Message().chunk(0, next, flags: [UInt8](repeating: 0, count: count))
    let end = next + UInt64(count)
    for first in (next >= 2 ? next - 2 : 0)..<end where first + 2 < end {
      for table in variant.tables.indices { message.item(0, first, 3, Float(first % 13), table: table) }
    }
    next = end
    return message
  }

  /// An item that an uncommitted message removed is restored once. Later changes to it stay, even
  /// if the next process is killed before another message.
  @Test func aRestoredItemCanBeRemovedForGood() throws {
    let (folder, copy) = (TemporaryFolder(), TemporaryFolder())
    var table = transitionTable(1, .fifo, itemsMax: 3, timesSampledMax: 1)
    (table.batchSizeMax, table.itemsPerMessageMax) = (1, 3)
    var configuration = ReplayStoreConfiguration(
      capacity: 20, tables: [table], storage: .file(path: folder.path))
    let store = try ReplayStore(configuration: configuration)
    try store.adopt(schema: Message.schema)
    var isCopied = false
    store.ring!.folder!.stageReached = { stage in
      if stage == .removed, !isCopied { copyFiles(from: folder.path, to: copy.path) }
      isCopied = isCopied || stage == .removed
    }
    func insert(_ store: ReplayStore, _ first: UInt64) throws {
      let message = Message().chunk(0, first, flags: [0, 0, 0]).item(0, first, 2).item(0, first + 1, 2)
      _ = try store.insertRestored(message.insertion(), writer: 0)
      withExtendedLifetime(message) {}
    }
    try insert(store, 0)
    try insert(store, 3)
    try #require(isCopied)
    configuration.storage = .file(path: copy.path)
    do {
      let store = try ReplayStore(configuration: configuration)
      #expect(store.statistics.tables[0].size == 2)
      var draw = Draw()
      var generator = SeededGenerator(seed: 1)
      try store.sample(table: 0, count: 1, generator: &generator, into: &draw)
      #expect(draw.keys == [0])
    }
    #expect(try ReplayStore(configuration: configuration).statistics.tables[0].size == 1)
  }

  /// A folder of an earlier version, whose process was killed with the items of an uncommitted
  /// message in its files.
  @Test func theJournalOfAnEarlierVersionIsUndone() throws {
    let folder = TemporaryFolder()
    let configuration = ReplayStoreConfiguration(
      capacity: 20, tables: [transitionTable(1)], storage: .file(path: folder.path))
    do {
      let store = try ReplayStore(configuration: configuration)
      try store.adopt(schema: Message.schema)
      let message = Message().chunk(0, 0, flags: [0, 0, 0, 0]).item(0, 0, 2).item(0, 1, 2)
      _ = try store.insert(message, writer: 0)
    }
    // Generation 2, one item: table 0, slot 1.
    var journal = [UInt8](repeating: 0, count: 4096)
    (journal[0], journal[8], journal[16]) = (2, 1, 1)
    try AtomicFile.replace("\(folder.path)/journal", with: journal)
    for _ in 0..<2 {
      let store = try ReplayStore(configuration: configuration)
      #expect(store.statistics.tables[0].size == 1 && store.checkInvariants() == nil)
    }
    #expect(!DirectoryNames.of(folder.path).contains("journal"))
  }
}
