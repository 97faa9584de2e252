// An actor's rows and items when environments fail at random moments.

import Algorithms
import Environments
import Experience
import Foundations
import Numerics
import TestSupport
import Testing
import Wire

@testable import Services

@Suite struct ActorStepperTests {
  /// Two halves, or one, fail at random. Every message has complete rows, every episode ends where
  /// it was last seen, and every step has exactly one item.
  @Test(arguments: Seeds.list(count: 100)) func failuresAtAnyMoment(seed: UInt64) throws {
    var draw = SeededGenerator(seed: seed, part: "acting")
    let world = FailingWorld(seed: seed, oneIn: 4 + draw.below(60))
    let sizes = draw.below(4) == 0 ? [2] : [1 + draw.below(2), 1 + draw.below(2)]
    let (count, nStep, capacity) = (sizes.reduce(0, +), 1 + draw.below(4), 1 + draw.below(6))
    let policy = try QPolicy(spec: .mlp(inputs: 1, hidden: [], outputs: 2, dueling: false), batchMax: count)
    let values: [Float] = [0.25, 0.5]
    ([0, 0] + values).withUnsafeBufferPointer { policy.importParameters(from: $0) }
    var first = 0
    let batches = sizes.map { size in
      defer { first += size }
      return FailingBatch(world, first: first, count: size)
    }
    let stepper = ActorStepper(
      batches, policy: policy,
      buffer: StepBuffer(count: count, schema: .discrete(observation: [1]), capacity: capacity),
      items: ActorItems(
        count: count,
        tables: [TableSchema(name: "experience", kind: .transition(nStep: nStep, discount: 0.5))],
        priority: policy.firstPriority),
      epsilons: Array(repeating: 0.5, count: count), generator: SeededGenerator(seed: seed),
      clock: { world.now }, warn: { _ in })
    var received = Received(count: count)
    for _ in 0..<400 {
      // Failures are far enough apart that all are retried.
      world.now = world.now + .seconds(20)
      try stepper.beginEpisodes(now: world.now)
      if !stepper.isPartial, stepper.buffer.rows > 0, stepper.buffer.isFull || draw.below(8) == 0 {
        // Rows can be completed, and so sent, whatever fails meanwhile.
        #expect(stepper.finishSteps { true }, "\(Seeds.replay(seed))")
        try received.take(stepper)
      }
      if stepper.isReady { try stepper.tick(now: world.now) { true } }
    }
    stepper.abandonSteps()
    let failures = stepper.recovery.failures
    #expect(stepper.fatal == nil && failures == UInt64(world.failures) && failures > 0)
    // An unfinished row is counted but never sent.
    let isWhole = !stepper.isPartial && stepper.halves.allSatisfy { !$0.hasActed }
    if stepper.buffer.rows > 0 { try received.take(stepper) }
    received.check(world, nStep: nStep, values: values, seed: seed)
    if isWhole {
      let rows = received.rows.joined()
      #expect(stepper.statistics.envSteps == UInt64(rows.count { !$0.flags.contains(.isLast) }))
      #expect(
        stepper.statistics.episodes + stepper.statistics.episodesAbandoned
          == UInt64(rows.count { $0.flags.contains(.isLast) }), "\(Seeds.replay(seed))")
    }
  }
}

/// Messages of an actor, taken apart.
private struct Received {
  struct Row {
    var serial: Int
    var action: Int32
    var reward: Float
    var flags: StepFlags
  }

  var rows: [[Row]]
  private var items: [Int: Item] = [:]

  init(count: Int) { rows = Array(repeating: [], count: count) }

  mutating func take(_ stepper: ActorStepper) throws {
    let frame = FrameWriter()
    Insert.begin(frame, sequence: 1, chunks: rows.count)
    stepper.buffer.encode(into: frame, weightsVersion: 1, isCut: false)
    stepper.items.encode(into: frame)
    stepper.buffer.clear()
    try Fixtures.withInsertion(frame.array(), Fixtures.schema) { insertion in
      for (number, chunk) in insertion.chunks.enumerated() {
        #expect(Int(chunk.firstIndex) == rows[number].count && chunk.count <= stepper.buffer.capacity)
        func value<Value>(_ column: Int, _ row: Int, as type: Value.Type) -> Value {
          insertion.column(column, ofChunk: number).loadUnaligned(
            fromByteOffset: row * MemoryLayout<Value>.size, as: type)
        }
        for row in 0..<chunk.count {
          rows[number].append(
            Row(
              serial: Int(value(0, row, as: Float.self)), action: value(1, row, as: Int32.self),
              reward: value(2, row, as: Float.self),
              flags: StepFlags(rawValue: value(3, row, as: UInt8.self))))
        }
      }
      for block in insertion.items {
        for item in (0..<block.count).map({ block[$0] }) {
          let key = Int(item.stream) * 100_000 + Int(item.firstIndex)
          #expect(items.updateValue(item, forKey: key) == nil)
          #expect(Int(item.firstIndex) + Int(item.count) <= rows[Int(item.stream)].count)
        }
      }
    }
  }

  func check(_ world: FailingWorld, nStep: Int, values: [Float], seed: UInt64) {
    var wrong: [String] = []
    for (environment, rows) in rows.enumerated() {
      for (index, row) in rows.enumerated() {
        let before = index > 0 ? rows[index - 1] : nil
        let truth = world.flags[row.serial] ?? []
        let isLast = row.flags.contains(.isLast)
        let isRight =
          row.flags.contains(.isFirst) == (before?.flags.contains(.isLast) ?? true)
          && row.flags.subtracting(.isLast) == truth.subtracting(.isLast)
          && (isLast || !truth.contains(.isLast))
          && (row.flags.contains(.isFirst) || row.serial == before!.serial + 1)
          && row.reward == (isLast ? 0 : FailingWorld.reward(row.serial, row.action))
        if !isRight { wrong.append("\(environment), \(index): \(row) after \(String(describing: before))") }
      }
    }
    let trace = ActorTrace(
      rows: rows.map { rows in
        rows.map {
          ActorTrace.Row(
            flags: $0.flags, observation: 0, reward: $0.reward, qSelected: values[Int($0.action)],
            qMax: values.max()!)
        }
      })
    var expected = 0
    for (environment, rows) in rows.enumerated() {
      for index in rows.indices {
        guard let item = trace.item(environment, index, nStep: nStep, discount: 0.5, before: rows.count)
        else { continue }
        expected += 1
        let made = items[environment * 100_000 + index]
        if Int(made?.count ?? 0) != item.span || abs((made?.priority ?? -1) - item.priority) > 1e-4 {
          wrong.append("\(environment), \(index): \(String(describing: made)) instead of \(item)")
        }
      }
    }
    #expect(wrong.isEmpty && expected == items.count, "\(wrong.prefix(5)); \(Seeds.replay(seed))")
  }
}

/// Shared by all failing batches: after a failure of one, all need a reset, like the batches of a
/// pool.
private final class FailingWorld {
  var draw: SeededGenerator
  let oneIn: Int
  var now = Instant.zero
  var failures = 0
  /// Every row that was ever made.
  var flags: [Int: StepFlags] = [:]

  init(seed: UInt64, oneIn: Int) {
    draw = SeededGenerator(seed: seed, part: "world")
    self.oneIn = oneIn
  }

  static func reward(_ serial: Int, _ action: Int32) -> Float {
    Float((serial * 7 + Int(action)) % 16) / 8 + 1
  }

  func perhapsFail() throws {
    guard draw.below(oneIn) == 0 else { return }
    failures += 1
    throw EnvironmentFailure(.raised, of: "failing", "failure \(failures)", isSetup: false)
  }
}

/// Rows are numbered: within an episode without gaps.
private final class FailingBatch: EnvironmentBatch {
  let spec = EnvironmentSpec(
    id: "failing", observationShape: [1], observationType: .float32, actions: .discrete(2))
  private let world: FailingWorld
  private var serials: [Int]
  private var epoch = -1
  private var actions: [Int32]?
  private let values: UnsafeMutablePointer<Float>
  private let paid: UnsafeMutablePointer<Float>
  private let marks: UnsafeMutablePointer<UInt8>

  init(_ world: FailingWorld, first: Int, count: Int) {
    self.world = world
    serials = (first..<first + count).map { $0 * 10_000 }
    values = .allocate(capacity: count)
    paid = .allocate(capacity: count)
    marks = .allocate(capacity: count)
    values.initialize(repeating: -1, count: count)
    paid.initialize(repeating: .nan, count: count)
    marks.initialize(repeating: 0, count: count)
  }

  deinit {
    values.deallocate()
    paid.deallocate()
    marks.deallocate()
  }

  var count: Int { serials.count }
  var observations: UnsafeRawPointer { UnsafeRawPointer(values) }
  var rewards: UnsafePointer<Float> { UnsafePointer(paid) }
  var flags: UnsafePointer<UInt8> { UnsafePointer(marks) }

  func reset(seed: UInt64?) throws {
    try beginReset(seed: seed)
    try finishStep()
  }

  func beginReset(seed: UInt64?) throws {
    try world.perhapsFail()
    epoch = world.failures
    actions = nil
    for index in serials.indices {
      serials[index] += 1
      marks[index] = StepFlags.isLast.rawValue
    }
  }

  func beginStep(actions: UnsafeRawPointer) throws {
    precondition(epoch == world.failures, "it needs a reset")
    self.actions = Array(
      UnsafeBufferPointer(start: actions.assumingMemoryBound(to: Int32.self), count: count))
    try world.perhapsFail()
  }

  func waitBriefly() throws -> Bool {
    precondition(epoch == world.failures, "it needs a reset")
    try world.perhapsFail()
    return world.draw.below(3) > 0
  }

  func finishStep() throws {
    precondition(epoch == world.failures, "it needs a reset")
    for index in serials.indices {
      var next: StepFlags = []
      if marks[index] & StepFlags.isLast.rawValue != 0 {
        paid[index] = 0
        next = .isFirst
      } else {
        paid[index] = FailingWorld.reward(serials[index], actions![index])
        if world.draw.below(6) == 0 { next = world.draw.below(2) == 0 ? .isLast : [.isLast, .isTerminal] }
      }
      serials[index] += 1
      values[index] = Float(serials[index])
      marks[index] = next.rawValue
      world.flags[serials[index]] = next
    }
    try world.perhapsFail()
  }
}
