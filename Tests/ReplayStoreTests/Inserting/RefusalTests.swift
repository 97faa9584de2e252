// What the store refuses, and that a refusal changes nothing.

import Experience
import Foundations
import Testing

@testable import ReplayStore

@Suite struct RefusalTests {
  private func filled() throws -> ReplayStore {
    let store = try makeStore(capacity: 30, transitionTable(2, .prioritized(exponent: 1)))
    let message = Message().chunk(0, 5, flags: [1, 0, 0, 2]).item(0, 5, 3)
    _ = try store.insert(message, writer: 0)
    return store
  }

  private func expectRefused(
    _ message: Message, _ text: String, _ location: SourceLocation = #_sourceLocation
  ) throws {
    let store = try filled()
    let before = store.statistics
    do {
      _ = try store.insert(message, writer: 0)
      Issue.record("accepted, expected: \(text)", sourceLocation: location)
    } catch {
      #expect("\(error)".contains(text), sourceLocation: location)
    }
    #expect(store.statistics == before, sourceLocation: location)
    #expect(store.checkInvariants() == nil, sourceLocation: location)
    // The stream continues as if nothing had come.
    _ = try store.insert(Message().chunk(0, 9, flags: [1, 0, 0]).item(0, 9, 3), writer: 0)
  }

  @Test func chunks() throws {
    let good = { Message().chunk(0, 9, flags: [1, 0]) }
    try expectRefused(
      good().chunk(0, 12, flags: [0]),
      "expected first index 11 (or an episode's first step, or a cut), found 12")
    try expectRefused(Message().chunk(0, 8, flags: [1]), "expected first index 9, found 8")
    try expectRefused(Message().chunk(0, 8, flags: [1], cut: true), "expected first index 9 or more, found 8")
    try expectRefused(
      Message().chunk(0, 9, flags: [0]), "expected isFirst after the last step of an episode, found flags 0")
    try expectRefused(good().chunk(3, 0, flags: [0, 8]), "row 1: expected flags within 7, found 8")
    try expectRefused(
      good().chunk(3, 0, flags: [0, 4]), "row 1: expected isTerminal only with isLast, found flags 4")
    try expectRefused(good().chunk(3, 0, flags: [2, 0]), "row 1: expected isFirst after the last step")
    try expectRefused(good().chunk(3, 0, flags: []), "expected at least 1 step, found 0")
    try expectRefused(good().chunk(3, .max, flags: [0, 0]), "expected indices below 2⁶⁴")
    for (row, value) in [(0, Float.nan), (1, .infinity), (2, -.infinity)] {
      var rewards: [Float] = [1, 2e38, -1]
      rewards[row] = value
      try expectRefused(
        Message().chunk(0, 9, flags: [1, 0, 2], rewards: rewards),
        "chunk 0 (stream 0): row \(row): reward: expected a finite number, found \(value)")
    }
    // At the end of a long column, too.
    try expectRefused(
      Message().chunk(
        0, 9, flags: [1] + [UInt8](repeating: 0, count: 20),
        rewards: [Float](repeating: 0, count: 20) + [.nan]),
      "row 20: reward")
    try expectRefused(
      Message().chunk(0, 9, flags: [1] + [UInt8](repeating: 0, count: 30)), "at most 30 steps (the capacity)")
  }

  @Test func items() throws {
    let good = { Message().chunk(0, 9, flags: [1, 0, 0]).chunk(4, 0, flags: [1, 0]).item(0, 9, 3) }
    try expectRefused(
      good().item(0, 10, 3), "expected steps up to index 11, the last one sent, found 10 + 3 steps")
    try expectRefused(good().item(0, .max, 3), "expected steps up to index 11")
    try expectRefused(good().item(0, 9, 3), "expected one item for each first step, found another for step 9")
    try expectRefused(good().item(0, 5, 3), "expected one item for each first step, found another for step 5")
    try expectRefused(good().item(0, 6, 1), "expected a span of 2 to 3 steps, found 1")
    try expectRefused(good().item(0, 6, 4), "expected a span of 2 to 3 steps, found 4")
    try expectRefused(good().item(0, 6, .max), "expected a span of 2 to 3 steps")
    try expectRefused(good().item(0, 6, 2), "expected the full span, or an episode's last step at the end")
    try expectRefused(good().item(0, 7, 3), "expected an episode's last step only at the end")
    try expectRefused(good().item(0, 8, 2), "expected an episode's last step only at the end")
    try expectRefused(good().item(0, 6, 3, .nan), "expected a finite priority of at least 0, found nan")
    try expectRefused(good().item(0, 6, 3, .infinity), "found inf")
    try expectRefused(good().item(0, 6, 3, -1), "found -1.0")
    try expectRefused(good().item(0, 6, 3, table: 1), "expected a table of 0 to 0, found 1")
    let abandoned = Message().chunk(0, 9, flags: [1, 0, 1, 0]).item(0, 9, 3)
    try expectRefused(abandoned, "expected steps of one episode, found isFirst within")
  }

  @Test func itemsOfOtherKinds() throws {
    func problem(_ kind: TableKind, _ message: Message) throws -> String {
      let store = try makeStore(capacity: 30, TableConfiguration(schema: TableSchema(name: "t", kind: kind)))
      do {
        _ = try store.insert(message, writer: 0)
        return "accepted"
      } catch { return "\(error)" }
    }
    let steps = { Message().chunk(0, 0, flags: [1, 0, 2, 1, 0]).chunk(0, 5, flags: [0, 0], cut: true) }
    let cross = TableKind.sequence(length: 4, period: 1, episodes: .cross)
    #expect(try problem(cross, steps().item(0, 1, 4)) == "accepted")
    #expect(try problem(cross, steps().item(0, 1, 3)).contains("expected a span of 4 steps, found 3"))
    #expect(try problem(cross, steps().item(0, 2, 4)).contains("found a cut within"))
    let pad = TableKind.sequence(length: 4, period: 1, episodes: .pad)
    #expect(try problem(pad, steps().item(0, 0, 3).item(0, 2, 1)) == "accepted")
    #expect(
      try problem(pad, steps().item(0, 0, 4)).contains("expected an episode's last step only at the end"))
    #expect(
      try problem(pad, steps().item(0, 0, 2)).contains("expected the full span, or an episode's last step"))
    #expect(try problem(pad, steps().item(0, 0, 5)).contains("expected a span of 1 to 4 steps, found 5"))
    #expect(try problem(.record, steps().item(0, 2, 1).item(0, 6, 1)) == "accepted")
    #expect(try problem(.record, steps().item(0, 0, 2)).contains("expected a span of 1 steps, found 2"))
    #expect(try problem(.record, steps().item(0, 0, 1).item(0, 0, 1)).contains("expected one item for each"))
  }

  @Test func shapes() throws {
    let message = Message().chunk(0, 9, flags: [1, 0]).item(0, 6, 3)
    let store = try filled()
    for damage in 0..<6 {
      var insertion = message.insertion()
      switch damage {
      case 0: insertion.columns.removeLast()
      case 1: insertion.columnsPerChunk = 4
      case 2: insertion.chunks[0].count = 3
      case 3: insertion.chunks[0].count = -1
      case 4: insertion.items[0].count = 2
      default: insertion.items[0].count = .min
      }
      #expect(throws: ReplayStoreError.self) { try store.insert(insertion, writer: 0) }
    }
    withExtendedLifetime(message) {}
    #expect(store.statistics.steps == 4)
  }

  @Test func streamsAreBounded() throws {
    let store = try ReplayStore(
      configuration: ReplayStoreConfiguration(capacity: 10, tables: [transitionTable(1)], streamsMax: 2))
    try store.adopt(schema: Message.schema)
    let message = Message().chunk(0, 0, flags: [1]).chunk(1, 0, flags: [1]).chunk(2, 0, flags: [1])
    #expect(
      throws: ReplayStoreError.chunk(
        index: 2, stream: 2, problem: "expected at most 2 streams, found one more")
    ) {
      try store.insert(message, writer: 0)
    }
    #expect(store.statistics.streams == 0)
  }

  /// For every sampler, because the priorities outlive it.
  @Test(arguments: everySelector) func noPriorityButFiniteOnes(kind: SelectorKind) throws {
    let store = try makeStore(capacity: 30, transitionTable(1, kind))
    _ = try store.insert(
      Message().chunk(0, 0, flags: [1, 0, 0, 0]).item(0, 0, 2, 1).item(0, 1, 2, 3), writer: 0)
    let before = store.statistics
    for bad in [.nan, -.nan, .infinity, -.infinity, -0.5, -.leastNonzeroMagnitude] as [Float] {
      #expect(throws: ReplayStoreError.self) { try store.update([0, 0], [3, bad]) }
      #expect(throws: ReplayStoreError.self) {
        try store.insert(Message().chunk(0, 4, flags: [0]).item(0, 2, 2, bad), writer: 0)
      }
    }
    #expect(store.statistics == before)
    #expect(store.checkInvariants() == nil)
  }

  @Test func priorities() throws {
    let store = try filled()
    #expect(throws: ReplayStoreError.self) { try store.update([0], [1, 1]) }
    #expect(throws: ReplayStoreError.self) { try store.update([0], [1], table: 1) }
    #expect(store.statistics.tables[0].mass == 1)
    #expect(try store.update([], []) == (applied: 0, gone: 0))
    #expect(try store.update([0, .max], [0.25, 1]) == (applied: 1, gone: 1))
    #expect(store.statistics.tables[0].mass == 0.25)
    #expect(try store.update([0], [.greatestFiniteMagnitude]) == (applied: 1, gone: 0))
    #expect(store.statistics.tables[0].mass.isFinite)
  }

  @Test func staleDrawsAndBadRequests() throws {
    let store = try filled()
    var draw = Draw()
    var generator = SeededGenerator(seed: 1)
    #expect(throws: ReplayStoreError.self) {
      try store.sample(table: 0, count: 0, generator: &generator, into: &draw)
    }
    #expect(throws: ReplayStoreError.self) {
      try store.sample(table: 0, count: .max, generator: &generator, into: &draw)
    }
    #expect(throws: ReplayStoreError.self) {
      try store.sample(table: -1, count: 1, generator: &generator, into: &draw)
    }
    try store.sample(table: 0, count: 1, generator: &generator, into: &draw)
    #expect(throws: ReplayStoreError.self) { try store.gather(draw, table: 0, into: []) }
    _ = try store.insert(
      Message().chunk(0, 9, flags: [1] + [UInt8](repeating: 0, count: 28)), writer: 0)
    #expect(
      throws: ReplayStoreError.request(
        "gather: expected steps that are still in the ring, found step 0 evicted")
    ) {
      _ = try Batch(store, draw)
    }
  }

  @Test func configurations() {
    func problem(_ capacity: Int, _ tables: TableConfiguration...) -> String? {
      ReplayStoreConfiguration(capacity: capacity, tables: tables).problem
    }
    #expect(problem(10, transitionTable(3)) == nil)
    #expect(problem(0, transitionTable(1)) != nil)
    #expect(problem(.max, transitionTable(1)) != nil)
    #expect(problem(10) != nil)
    #expect(problem(10, transitionTable(1), transitionTable(2))!.contains("declared twice"))
    #expect(problem(10, transitionTable(10)) != nil)
    #expect(problem(10, transitionTable(0)) != nil)
    #expect(problem(10, transitionTable(1, discount: 1.5)) != nil)
    #expect(problem(10, transitionTable(1, .prioritized(exponent: .nan))) != nil)
    #expect(problem(10, transitionTable(1, itemsMax: 0)) != nil)
    #expect(problem(10, transitionTable(1, timesSampledMax: 70_000)) != nil)
    func sequence(_ length: Int, _ period: Int) -> TableConfiguration {
      TableConfiguration(
        schema: TableSchema(name: "s", kind: .sequence(length: length, period: period, episodes: .pad)))
    }
    #expect(problem(10, sequence(10, 3)) == nil)
    #expect(problem(10, sequence(11, 3)) == "table 's': length: expected 1 to 10 steps, found 11")
    #expect(problem(10, sequence(0, 3)) == "table 's': length: expected 1 to 10 steps, found 0")
    #expect(problem(10, sequence(3, 0)) == "table 's': period: expected at least 1 step, found 0")
    var table = transitionTable(1)
    table.remover = .rank(exponent: -1)
    #expect(problem(10, table)!.contains("remover: rank(exponent: -1.0): expected an exponent of 0 to 16"))
    table = transitionTable(1)
    table.priorityLimit = 0
    #expect(problem(10, table)!.contains("priority_max: expected a finite positive number"))
    table = transitionTable(1)
    table.limiter = .unlimited(minSize: 11)
    #expect(problem(10, table)!.contains("min_size: expected at most 10"))
  }

  @Test func schemas() throws {
    let configuration = ReplayStoreConfiguration(capacity: 10, tables: [transitionTable(1)])
    func problem(_ fields: [Field]) -> String? {
      do {
        try ReplayStore(configuration: configuration).adopt(schema: StepSchema(fields: fields))
        return nil
      } catch { return "\(error)" }
    }
    let (observation, action) = (Field("observation", .uint8, shape: [4]), Field("action", .int32))
    let reward = Field("reward", .float32)
    #expect(problem([observation, action, reward]) == nil)
    #expect(problem([action, reward])!.contains("expected a field 'observation', found none"))
    #expect(problem([observation, action])!.contains("expected a field reward: float32, found none"))
    #expect(problem([observation, action, Field("reward", .float64)])!.contains("found reward: float64"))
    #expect(problem([Field("observation", .uint8, shape: [4], stack: 4), action, reward]) == nil)
    #expect(
      problem([observation, action, Field("reward", .float32, stack: 2)])!.contains(
        "expected a field reward: float32, found reward: float32 stack 2"))
    #expect(
      problem([observation, action, reward, Field("discount", .float32)])!.contains(
        "expected no field 'discount', which its batches have a column of, found one"))
    let store = try makeStore(capacity: 10, transitionTable(1))
    try store.adopt(schema: Message.schema)
    #expect(throws: ReplayStoreError.self) {
      try store.adopt(schema: StepSchema(fields: [observation, action, reward]))
    }
    #expect(throws: ReplayStoreError.schemaMissing) {
      _ = try ReplayStore(configuration: configuration).insert(Message(), writer: 0)
    }
  }

  @Test func bytesAreCountedBeforeTheyAreTaken() throws {
    let atari = StepSchema.discrete(observation: [84, 84], dtype: .uint8)
    let table = transitionTable(3, .prioritized(exponent: 0.6))
    let million = ReplayStoreConfiguration(capacity: 1_000_000, tables: [table])
    let bytes = try ReplayStore.byteCount(configuration: million, schema: atari)
    #expect(bytes.description.hasPrefix("1000000 steps = 7.1 GB (steps 7.1 GB, directory 5.5 MB, tables "))
    // At most 48 bytes for each item, beside the payload.
    let small = StepSchema.discrete(observation: [7])
    let perItem = Double(try ReplayStore.byteCount(configuration: million, schema: small).total) / 1e6
    #expect(perItem - 36 < 48)
    let huge = StepSchema(
      fields: (0..<60).map { Field("f\($0)", .uint8, shape: [1 << 30]) }
        + StepSchema.discrete(observation: [1]).fields)
    #expect(throws: ReplayStoreError.self) {
      try ReplayStore.byteCount(
        configuration: ReplayStoreConfiguration(capacity: 1 << 31, tables: [table]), schema: huge)
    }
  }
}
