// Random histories against the naive store.

import Experience
import Foundations
import Testing

@testable import ReplayStore

@Suite struct ReplayStorePropertyTests {
  @Test func randomHistoriesAgreeWithTheNaiveStore() throws {
    for seed in 0..<160 as Range<UInt64> {
      var history = try History(seed: seed)
      for step in 0..<40 {
        if let problem = try history.act() {
          Issue.record("seed \(seed), step \(step): \(problem)")
          return
        }
      }
      #expect(history.accepted > 2, "seed \(seed): hardly anything was accepted")
    }
  }

  /// Every way to fill small rings with five chunks of every size.
  @Test func everySequenceOfChunksInSmallRings() throws {
    for capacity in 1...4 {
      var sizes = [Int](repeating: 1, count: 5)
      while true {
        try fill(capacity: capacity, sizes: sizes)
        guard let last = sizes.lastIndex(where: { $0 < capacity }) else { break }
        sizes[last] += 1
        for index in sizes.indices where index > last { sizes[index] = 1 }
      }
    }
  }

  private func fill(capacity: Int, sizes: [Int]) throws {
    let nStep = max(1, min(2, capacity - 1))
    guard capacity > nStep else { return }
    let table = transitionTable(nStep, .prioritized(exponent: 1))
    let store = try makeStore(capacity: capacity, table)
    var model = NaiveStore(capacity: capacity, tables: [table])
    var next: UInt64 = 0
    for size in sizes {
      let message = Message().chunk(0, next, flags: [UInt8](repeating: 0, count: size))
      next += UInt64(size)
      for first in 0..<next where first + UInt64(nStep) < next && first + UInt64(nStep) >= next - UInt64(size)
      {
        message.item(0, first, UInt32(nStep + 1))
      }
      let expected = model.insert(message, writer: 0)
      let found = try? store.insert(message, writer: 0)
      #expect(found == expected, "capacity \(capacity), sizes \(sizes)")
      #expect(store.checkInvariants() == nil, "capacity \(capacity), sizes \(sizes)")
    }
  }
}

/// A store and its model under the same random actions.
struct History {
  var generator: SeededGenerator
  private(set) var store: ReplayStore
  var model: NaiveStore
  var draw = Draw()
  var accepted = 0

  init(seed: UInt64, storage: StorageKind = .memory) throws {
    generator = SeededGenerator(seed: seed)
    let capacity = 8 + generator.below(40)
    let nStep = 1 + generator.below(3)
    let (length, period) = (1 + generator.below(6), 1 + generator.below(6))
    let sampler = everySelector[generator.below(everySelector.count)]
    let tables = [
      transitionTable(nStep, .prioritized(exponent: 0.6), name: "prioritized"),
      transitionTable(
        nStep, sampler, name: "bounded",
        remover: everySelector[generator.below(everySelector.count)], itemsMax: seed % 2 == 0 ? 4 : nil,
        // A queue would hold inserts back; `QueueTableTests` test that.
        timesSampledMax: sampler == .fifo ? 2 : Int(seed % 3)),
      transitionTable(1, .fifo, name: "fifo", timesSampledMax: Int(seed % 4)),
      TableConfiguration(
        schema: TableSchema(
          name: "cross", kind: .sequence(length: length, period: period, episodes: .cross)),
        sampler: .prioritized(exponent: 1)),
      TableConfiguration(
        schema: TableSchema(name: "pad", kind: .sequence(length: length, period: period, episodes: .pad))),
      TableConfiguration(
        schema: TableSchema(name: "record", kind: .record), itemsMax: seed % 5 == 0 ? 7 : nil),
    ]
    var schema = Message.schema
    if seed % 3 > 0 {
      for index in schema.fields.indices where schema.fields[index].name != "reward" {
        schema.fields[index].stack = 1 + generator.below(5)
      }
    }
    store = try ReplayStore(
      configuration: ReplayStoreConfiguration(capacity: capacity, tables: tables, storage: storage))
    try store.adopt(schema: schema)
    model = NaiveStore(capacity: capacity, tables: tables, schema: schema)
    try openWriters()
  }

  private func openWriters() throws {
    for writer in 0..<2 {
      try store.openWriter(
        writer, id: Identifier(high: 7, low: UInt64(writer)), label: "writer-\(writer)", committed: 0)
    }
  }

  /// What a resumed store must agree on.
  private static func lasting(_ store: ReplayStore) -> [Double] {
    let statistics = store.statistics
    return statistics.tables.flatMap {
      [
        Double($0.size), $0.mass, Double($0.priorityMax), Double($0.itemsInserted), Double($0.itemsSampled),
        $0.limiterError,
      ]
    } + [statistics.steps, statistics.chunks, Int(statistics.tail), Int(statistics.head)].map(Double.init)
  }

  /// Resumes the store in a new object: from its files, or with `memory` storage from a snapshot at
  /// `path`.
  mutating func reopen(through path: String? = nil) throws {
    let configuration = store.configuration
    let before = (Self.lasting(store), contents(of: store))
    if let path {
      let writers = (0..<2).map {
        KnownWriter(
          handle: $0, id: Identifier(high: 7, low: UInt64($0)), label: "writer-\($0)", committed: 5,
          hasLeft: false)
      }
      try store.beginSnapshot(at: path, writers: writers)
      while try #require(store.continueSnapshot(bytes: 900)).isCopied == false {}
      #expect(ReplayStore.publishSnapshot(at: path, syncsToDisk: false) == nil)
      store = try ReplayStore(configuration: configuration, resuming: path)
      #expect(store.recovery?.writers == writers)
      #expect(ReplayStore.removeSnapshot(at: path) == nil)
    } else {
      store = try ReplayStore(configuration: configuration)
    }
    #expect(Self.lasting(store) == before.0)
    #expect(contents(of: store) == before.1)
    model.forgetDeadStreams()
  }

  /// Performs one random action; returns the first disagreement, or nil.
  mutating func act() throws -> String? {
    let problem =
      switch generator.below(5) {
      case 0, 1, 2: insert()
      case 3: try sample()
      default: try update()
      }
    if let problem { return problem }
    if let broken = store.checkInvariants() { return broken }
    let statistics = store.statistics
    if statistics.head != model.head || statistics.tail != model.tail { return "head or tail" }
    for (table, expected) in zip(statistics.tables, model.tables) {
      if table.size != expected.items.count {
        return "\(table.name): size \(table.size), not \(expected.items.count)"
      }
      if table.priorityMax != expected.priorityMax { return "\(table.name): maximum \(table.priorityMax)" }
    }
    return nil
  }

  private mutating func insert() -> String? {
    let writer = generator.below(2)
    let message = Message()
    var nexts: [UInt32: UInt64] = [:]
    for _ in 0..<1 + generator.below(3) { chunk(message, writer, &nexts) }
    var after: NaiveStore? = model
    if after?.insert(message, writer: writer) == nil { after = nil }
    for table in model.tables.indices where generator.below(2) == 0 {
      items(message, writer, table, nexts, after)
    }
    let before = model
    let expected = model.insert(message, writer: writer)
    do {
      let found = try store.insert(message, writer: writer)
      accepted += 1
      for table in model.tables.indices {
        if let problem = model.adopt(store.keys(table), before: before.tables[table].items, table: table) {
          return problem
        }
      }
      return found == expected ? nil : "insert: \(found), expected \(String(describing: expected))"
    } catch {
      model = before
      return expected == nil ? nil : "insert: \(error), expected \(String(describing: expected))"
    }
  }

  private mutating func chunk(_ message: Message, _ writer: Int, _ nexts: inout [UInt32: UInt64]) {
    let stream = UInt32(generator.below(3))
    let known = model.streams[NaiveStore.Key(writer: writer, stream: stream)]
    let sent = message.chunks.last { $0.stream == stream }
    var first = nexts[stream] ?? known?.next ?? 0
    var last = sent?.flags.last ?? known.flatMap { $0.steps[$0.next &- 1]?.flags } ?? 2
    let isCut = generator.below(8) == 0
    if isCut { first += UInt64(generator.below(3)) }
    if generator.below(60) == 0 { first = first > 0 && generator.below(2) == 0 ? first - 1 : first + 1 }
    var flags: [UInt8] = []
    for _ in 0..<1 + generator.below(6) {
      var flag: UInt8 = last & 2 != 0 ? 1 : 0
      if generator.below(5) == 0 { flag |= generator.below(2) == 0 ? 2 : 6 }
      if generator.below(300) == 0 { flag = UInt8(generator.below(16)) }
      flags.append(flag)
      last = flag
    }
    message.chunk(stream, first, flags: flags, version: generator.next() >> 8, cut: isCut)
    nexts[stream] = first + UInt64(flags.count)
  }

  /// Random items, mostly valid. Each is tried on `model`, the model after the message's chunks;
  /// nil if the chunks are refused.
  private mutating func items(
    _ message: Message, _ writer: Int, _ table: Int, _ nexts: [UInt32: UInt64], _ after: NaiveStore?
  ) {
    let span = model.tables[table].spanMax
    let oddOneIn = model.tables[table].spanMin < span ? 3 : 12
    for (stream, next) in nexts.sorted(by: { $0.key < $1.key }) {
      for first in (next > 12 ? next - 12 : 0)..<next where generator.below(3) > 0 {
        let length = generator.below(oddOneIn) == 0 ? 1 + generator.below(span + 2) : span
        let priority: Float? = generator.below(3) == 0 ? nil : Float(generator.below(40)) / 8
        let item = Message.ItemSpec(
          table: table, stream: stream, first: first, span: UInt32(length), priority: priority)
        var copy = after
        if copy?.add(item, writer) != nil || generator.below(400) == 0 {
          message.item(stream, first, UInt32(length), priority, table: table)
        }
      }
    }
  }

  private mutating func sample() throws -> String? {
    let table = generator.below(model.tables.count)
    let count = 1 + generator.below(6)
    let items = model.tables[table].items
    let times = model.tables[table].timesMax
    let left = times == 0 ? Int.max : items.values.reduce(0) { $0 + times - $1.times }
    let isPossible = !items.isEmpty && left >= count
    if store.canSample(table: table, count: count) != isPossible { return "canSample is not \(isPossible)" }
    guard isPossible else { return nil }
    try store.sample(table: table, count: count, generator: &generator, into: &draw)
    let columns = try rawBatch(store, draw, table: table)
    let fields = try store.batchFields(table)
    var versions = [UInt64](repeating: 0, count: count)
    try store.gatherWeightsVersions(draw, into: &versions)
    for row in 0..<count {
      guard let item = model.tables[table].items[draw.keys[row]] else { return "no item \(draw.keys[row])" }
      let start = model.streams[item.start]!.steps[item.first]!
      if draw.priorities[row] != item.priority || versions[row] != start.version {
        return "row \(row) is not \(item)"
      }
      let expected = model.row(item, of: model.tables[table].kind, store.schema!)
      for (column, field) in fields.enumerated() {
        let found = columns[column][row * field.byteCount..<(row + 1) * field.byteCount]
        if !found.elementsEqual(expected[column]) {
          return "table \(table), row \(row), \(field): \(Array(found)), expected \(expected[column])"
        }
      }
      model.didSample(draw.keys[row], table: table)
    }
    return nil
  }

  private mutating func update() throws -> String? {
    let table = generator.below(model.tables.count)
    var keys: [UInt64] = []
    var priorities: [Float] = []
    var applied = 0
    for _ in 0..<1 + generator.below(8) {
      let key = model.tail &- 3 &+ UInt64(generator.below(Int(model.head - model.tail) + 6))
      keys.append(key)
      priorities.append(generator.below(4) == 0 ? 0 : Float(generator.below(100)) / 9)
      if model.update(key, priorities[priorities.count - 1], table: table) { applied += 1 }
    }
    let result = try store.update(keys, priorities, table: table)
    if result.applied != applied || result.gone != keys.count - applied {
      return "update: \(result), not \(applied)"
    }
    return nil
  }
}

extension ReplayStore {
  /// The keys of a table's items.
  func keys(_ table: Int) -> [UInt64] {
    var keys: [UInt64] = []
    tables[table].slots.forEach { keys.append(ring!.position(inSlot: $0)) }
    return keys
  }
}
