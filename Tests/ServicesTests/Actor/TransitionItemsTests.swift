// An actor's items and messages, compared with the definition and with batches of the store.

import Algorithms
import Experience
import Foundations
import ReplayStore
import Testing
import TestSupport
import Wire

@testable import Services

/// Random steps of some environments as an actor sees them.
struct ActorTrace {
  struct Row {
    var flags: StepFlags
    var observation: Float
    var reward: Float
    var qSelected: Float
    var qMax: Float
  }

  /// `[environment][index]`
  private(set) var rows: [[Row]]

  init(rows: [[Row]]) { self.rows = rows }

  init(environments: Int, count: Int, using draw: inout SeededGenerator) {
    rows = (0..<environments).map { environment in
      var left = 0
      return (0..<count).map { index in
        var flags: StepFlags = left == 0 ? [.isFirst] : []
        if left == 0 { left = 2 + draw.below(9) }
        left -= 1
        if left == 0 { flags.formUnion(draw.below(2) == 0 ? [.isLast, .isTerminal] : [.isLast]) }
        return Row(
          flags: flags, observation: Float(environment * 1000 + index), reward: Float(draw.below(64)) / 8 - 4,
          qSelected: Float(draw.below(64)) / 8, qMax: Float(draw.below(64)) / 8)
      }
    }
  }

  /// The n-step item of a step by its definition: span and priority; nil before its last step, or
  /// if no item starts there.
  func item(_ environment: Int, _ index: Int, nStep: Int, discount: Float, before end: Int) -> (
    span: Int, priority: Float
  )? {
    let rows = rows[environment]
    if rows[index].flags.contains(.isLast) { return nil }
    var value: Float = 0
    var power: Float = 1
    for steps in 1...nStep {
      guard index + steps < end else { return nil }
      value += power * rows[index + steps - 1].reward
      power *= discount
      let last = rows[index + steps]
      if last.flags.contains(.isLast) || steps == nStep {
        let bootstrap = last.flags.contains(.isTerminal) ? 0 : last.qMax
        return (steps + 1, abs(value + power * bootstrap - rows[index].qSelected))
      }
    }
    return nil
  }
}

/// Passes a trace through an actor's buffer and items, message by message.
struct TraceActor {
  let trace: ActorTrace
  let environments: Int
  let buffer: StepBuffer
  var items: ActorItems
  var position = 0
  /// At first, a truncated row counts as one within an episode.
  var learnsOfTruncationsLater = false

  init(trace: ActorTrace, nStep: Int, discount: Float, capacity: Int) {
    self.trace = trace
    environments = trace.rows.count
    buffer = StepBuffer(count: environments, schema: .discrete(observation: [1]), capacity: capacity)
    items = ActorItems(
      count: environments,
      tables: [TableSchema(name: "experience", kind: .transition(nStep: nStep, discount: discount))],
      priority: TransitionPriority())
  }

  mutating func tick() {
    let rows = trace.rows.map { $0[position] }
    let late = rows.indices.filter { learnsOfTruncationsLater && rows[$0].flags == .isLast }
    let flags = rows.indices.map { late.contains($0) ? 0 : rows[$0].flags.rawValue }
    let decided = PolicyRows(count: environments, actions: .discrete(2))
    for (index, row) in rows.enumerated() {
      decided.actions.assumingMemoryBound(to: Int32.self)[index] = Int32(position)
      decided.actionValues[index] = row.qSelected
      decided.stateValues[index] = row.qMax
    }
    items.observe(index: buffer.nextIndex, range: 0..<environments, flags: flags, decided)
    let observations = rows.map(\.observation)
    buffer.append(
      range: 0..<environments, observations: observations, decided, flags: flags)
    buffer.advance()
    buffer.setRewards(range: 0..<environments, rows.map(\.reward))
    items.setRewards(index: buffer.nextIndex - 1, range: 0..<environments, rows.map(\.reward))
    for environment in late {
      items.truncate(environment, index: buffer.nextIndex - 1, stateValue: rows[environment].qMax)
      buffer.markLast(environment, at: buffer.nextIndex - 1)
    }
    position += 1
  }

  mutating func message(_ sequence: UInt64, isCut: Bool = false) -> [UInt8] {
    let writer = FrameWriter()
    Insert.begin(writer, sequence: sequence, chunks: environments)
    buffer.encode(into: writer, weightsVersion: sequence, isCut: isCut)
    items.encode(into: writer)
    buffer.clear()
    return writer.array()
  }
}

@Suite struct TransitionItemsTests {
  private func itemsOf(_ frame: [UInt8]) throws -> [Item] {
    try Fixtures.withInsertion(frame, Fixtures.schema) { insertion in
      insertion.items.flatMap { block in (0..<block.count).map { block[$0] } }
    }
  }

  @Test(arguments: Seeds.list(count: 20)) func itemsAreThoseOfTheDefinition(seed: UInt64) throws {
    var draw = SeededGenerator(seed: seed, part: "items")
    let nStep = 1 + draw.below(5)
    let trace = ActorTrace(environments: 3, count: 120, using: &draw)
    var actor = TraceActor(trace: trace, nStep: nStep, discount: 0.5, capacity: 200)
    for _ in 0..<120 { actor.tick() }
    var found: [Int: Item] = [:]
    for item in try itemsOf(actor.message(1)) {
      #expect(found.updateValue(item, forKey: Int(item.stream) * 1000 + Int(item.firstIndex)) == nil)
    }
    var expected = 0
    for environment in 0..<3 {
      for index in 0..<120 {
        guard
          let item = trace.item(environment, index, nStep: nStep, discount: 0.5, before: 120)
        else { continue }
        expected += 1
        let made = found[environment * 1000 + index]
        #expect(made?.count == item.span)
        #expect(abs((made?.priority ?? -1) - item.priority) < 1e-4)
      }
    }
    #expect(found.count == expected && expected > 100)
  }

  /// Truncating rows after they were acted on gives the same items as truncations that were known
  /// at once.
  @Test(arguments: Seeds.list(count: 20)) func aTruncationLaterIsATruncation(seed: UInt64) throws {
    var draw = SeededGenerator(seed: seed, part: "truncation")
    let nStep = 1 + draw.below(5)
    let trace = ActorTrace(environments: 3, count: 120, using: &draw)
    var (known, later) = (
      TraceActor(trace: trace, nStep: nStep, discount: 0.5, capacity: 200),
      TraceActor(trace: trace, nStep: nStep, discount: 0.5, capacity: 200)
    )
    later.learnsOfTruncationsLater = true
    for _ in 0..<120 {
      known.tick()
      later.tick()
    }
    for environment in 0..<3 {
      for index in 0..<UInt64(120) {
        #expect(later.buffer.flags(environment, at: index) == known.buffer.flags(environment, at: index))
      }
    }
    func sorted(_ items: [Item]) -> [Item] {
      items.sorted { ($0.stream, $0.firstIndex) < ($1.stream, $1.firstIndex) }
    }
    let expected = sorted(try itemsOf(known.message(1)))
    #expect(
      sorted(try itemsOf(later.message(1))) == expected && expected.count > 100, "\(Seeds.replay(seed))")
  }

  /// A row that is not sent takes all items with it that need it.
  @Test func itemsOfARowThatIsNotSentAreDropped() throws {
    var draw = SeededGenerator(seed: 1, part: "dropped")
    let trace = ActorTrace(environments: 2, count: 30, using: &draw)
    var actor = TraceActor(trace: trace, nStep: 3, discount: 0.5, capacity: 100)
    for _ in 0..<30 { actor.tick() }
    actor.items.drop(from: 20)
    let found = try itemsOf(actor.message(1))
    let expected = (0..<2).reduce(0) { sum, environment in
      sum + (0..<20).filter { trace.item(environment, $0, nStep: 3, discount: 0.5, before: 20) != nil }.count
    }
    #expect(found.allSatisfy { $0.firstIndex + UInt64($0.count) <= 20 })
    #expect(found.count == expected && expected > 10)
  }

  /// After lost messages, no item starts before the cut, and none that starts after it is missing.
  @Test(arguments: Seeds.list(count: 20)) func nothingSpansACut(seed: UInt64) throws {
    var draw = SeededGenerator(seed: seed, part: "cut")
    let nStep = 1 + draw.below(5)
    let trace = ActorTrace(environments: 2, count: 60, using: &draw)
    var actor = TraceActor(trace: trace, nStep: nStep, discount: 0.5, capacity: 100)
    let (lost, kept) = (draw.below(20), draw.below(6))
    for _ in 0..<lost { actor.tick() }
    _ = actor.message(1)
    for _ in 0..<kept { actor.tick() }
    actor.items.cut(at: actor.buffer.firstIndex, next: actor.buffer.nextIndex)
    for _ in lost + kept..<60 { actor.tick() }
    let found = try itemsOf(actor.message(2, isCut: true))
    let expected = (0..<2).reduce(0) { sum, environment in
      sum
        + (lost..<60).filter { trace.item(environment, $0, nStep: nStep, discount: 0.5, before: 60) != nil }
        .count
    }
    #expect(found.allSatisfy { $0.firstIndex >= UInt64(lost) })
    #expect(found.count == expected)
  }

  /// Messages of random length go through the store, one is lost: batches contain what the
  /// environments did.
  @Test(arguments: Seeds.list(count: 20)) func whatTheActorSendsIsWhatTheLearnerGets(seed: UInt64) throws {
    var draw = SeededGenerator(seed: seed, part: "round trip")
    let nStep = 1 + draw.below(4)
    let trace = ActorTrace(environments: 2, count: 100, using: &draw)
    var actor = TraceActor(trace: trace, nStep: nStep, discount: 0.5, capacity: 20)
    let table = TableSchema(name: "experience", kind: .transition(nStep: nStep, discount: 0.5))
    let store = ReplayStoreConfiguration(
      capacity: 400, tables: [TableConfiguration(schema: table, batchSizeMax: 512)])
    var replay = try ReplayHarness(store: store)
    _ = replay.receive(Fixtures.hello(1, tables: [table]), from: 1)
    _ = replay.receive(Fixtures.samplerHello(2, tables: [table]), from: 2)
    var sequence: UInt64 = 1
    var isCut = false
    while actor.position < 100 {
      for _ in 0..<min(1 + draw.below(20), 100 - actor.position) { actor.tick() }
      if draw.below(5) == 0 {
        actor.buffer.clear()
        actor.items.cut(at: actor.buffer.nextIndex, next: actor.buffer.nextIndex)
        isCut = true
        continue
      }
      let sent = replay.receive(actor.message(sequence, isCut: isCut), from: 1)
      #expect(sent.map(\.acknowledgement?.committed) == [sequence], "\(sent.first?.refusal?.text ?? "")")
      sequence += 1
      isCut = false
    }
    guard replay.machine.counters.items > 0 else { return }
    let batch = try #require(replay.receive(Fixtures.request(1, count: 512), from: 2).first)
    try check(batch, trace, nStep)
  }

  private func check(_ frame: Sent, _ trace: ActorTrace, _ nStep: Int) throws {
    try frame.bytes.withUnsafeBytes { bytes in
      var cursor = FrameCursor(bytes)
      _ = try cursor.openMessage()
      let batch = try Batch(from: &cursor)
      for row in 0..<batch.header.rows {
        func value(_ column: Int) -> Float {
          batch.columns[column].loadUnaligned(fromByteOffset: row * 4, as: Float.self)
        }
        let (environment, index) = (Int(value(0)) / 1000, Int(value(0)) % 1000)
        let rows = trace.rows[environment]
        let span = try #require(trace.item(environment, index, nStep: nStep, discount: 0.5, before: 100)).span
        var reward: Float = 0
        for step in (0..<span - 1).reversed() { reward = rows[index + step].reward + 0.5 * reward }
        let last = rows[index + span - 1]
        #expect(value(2) == reward)
        #expect(value(3) == (last.flags.contains(.isTerminal) ? 0 : Float(1) / Float(1 << (span - 1))))
        #expect(value(4) == last.observation)
        #expect(batch.columns[1].loadUnaligned(fromByteOffset: row * 4, as: Int32.self) == Int32(index))
      }
    }
  }
}
