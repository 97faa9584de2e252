// An actor's frame stacks equal those of the store.

import Algorithms
import Environments
import Experience
import Foundations
import Numerics
import ReplayStore
import TestSupport
import Testing
import Wire

@testable import Services

@Suite struct FrameStackTests {
  /// The actor's priorities come from values of its own stacks, so the store must serve the same
  /// stacks.
  @Test(arguments: Seeds.list(count: 20)) func theStoreServesWhatTheActorSaw(seed: UInt64) throws {
    var draw = SeededGenerator(seed: seed, part: "stacks")
    let (count, stack, nStep) = (1 + draw.below(3), 1 + draw.below(5), 1 + draw.below(3))
    let spec = NetworkSpec.mlp(inputs: 2 * stack, hidden: [8], outputs: 2, dueling: false)
    let algorithm = Algorithm.dqn(DQNConfiguration(), spec)
    let policy = try QPolicy(spec: spec, batchMax: 4096)
    try algorithm.initialParameters(using: &draw).withUnsafeBufferPointer {
      policy.importParameters(from: $0)
    }
    let table = TableSchema(name: "experience", kind: .transition(nStep: nStep, discount: 0.5))
    let schema = StepSchema.discrete(observation: [2], stack: stack)
    let stepper = ActorStepper(
      [RandomBatch(count: count, seed: seed)], policy: policy,
      buffer: StepBuffer(count: count, schema: schema, capacity: 8),
      items: ActorItems(count: count, tables: [table], priority: TransitionPriority()),
      epsilons: Array(repeating: 0.5, count: count),
      frameStack: stack, generator: SeededGenerator(seed: seed), clock: { .zero }, warn: { _ in })
    let store = try ReplayStore(
      configuration: ReplayStoreConfiguration(
        capacity: 1000,
        tables: [
          TableConfiguration(schema: table, sampler: .prioritized(exponent: 1), batchSizeMax: 4096)
        ]))
    try store.adopt(schema: schema)
    try stepper.beginEpisodes(now: .zero)
    while store.statistics.head < 300 {
      try stepper.tick(now: .zero) { true }
      if stepper.buffer.isFull || draw.below(5) == 0 { try send(stepper, schema, to: store) }
    }
    try check(store, policy, rows: 200, seed)
  }

  private func send(_ stepper: ActorStepper, _ schema: StepSchema, to store: ReplayStore) throws {
    let frame = FrameWriter()
    Insert.begin(frame, sequence: 1, chunks: stepper.buffer.count)
    stepper.buffer.encode(into: frame, weightsVersion: 1, isCut: false)
    stepper.items.encode(into: frame)
    stepper.buffer.clear()
    try Fixtures.withInsertion(frame.array(), schema) { insertion in
      let summary = try store.insert(insertion, writer: 0)
      #expect(summary.itemsStale == 0)
    }
  }

  private func check(_ store: ReplayStore, _ policy: QPolicy, rows: Int, _ seed: UInt64) throws {
    var draw = Draw()
    var generator = SeededGenerator(seed: seed)
    try store.sample(table: 0, count: rows, generator: &generator, into: &draw)
    let buffers = try store.batchFields(0).map {
      UnsafeMutableRawBufferPointer.allocate(byteCount: $0.byteCount * rows, alignment: 64)
    }
    defer { for buffer in buffers { buffer.deallocate() } }
    try store.gather(draw, table: 0, into: buffers)
    let actions = buffers[1].bindMemory(to: Int32.self)
    let (rewards, discounts) = (buffers[2].bindMemory(to: Float.self), buffers[3].bindMemory(to: Float.self))
    let now = try values(policy, buffers[0].baseAddress!, rows: rows)
    let next = try values(policy, buffers[4].baseAddress!, rows: rows)
    for row in 0..<rows {
      let bootstrap = discounts[row] * (next[row].max() ?? 0)
      let expected = abs(rewards[row] + bootstrap - now[row][Int(actions[row])]) + TransitionPriority.epsilon
      #expect(abs(draw.priorities[row] - expected) < 1e-4, "row \(row); \(Seeds.replay(seed))")
    }
  }

  /// Q of both actions of each row: a greedy action gives the larger, and two random ones give the
  /// other.
  private func values(_ policy: QPolicy, _ observations: UnsafeRawPointer, rows: Int) throws -> [[Float]] {
    var result = (0..<rows).map { _ in [Float](repeating: .nan, count: 2) }
    let decided = PolicyRows(count: rows, actions: .discrete(2))
    let actions = decided.actions.assumingMemoryBound(to: Int32.self)
    var generator = SeededGenerator(seed: 1)
    while result.contains(where: { $0.contains(where: \.isNaN) }) {
      policy.act(
        observations: observations, count: rows, exploration: Array(repeating: 1, count: rows),
        generator: &generator, rows: decided)
      for row in 0..<rows { result[row][Int(actions[row])] = decided.actionValues[row] }
    }
    return result
  }
}

/// Environments of random observations and rewards whose episodes end at random.
private final class RandomBatch: EnvironmentBatch {
  let spec = EnvironmentSpec(
    id: "random", observationShape: [2], observationType: .float32, actions: .discrete(2))
  let count: Int
  private var draw: SeededGenerator
  private let values: UnsafeMutablePointer<Float>
  private let paid: UnsafeMutablePointer<Float>
  private let marks: UnsafeMutablePointer<UInt8>

  init(count: Int, seed: UInt64) {
    self.count = count
    draw = SeededGenerator(seed: seed, part: "environments")
    values = .allocate(capacity: count * 2)
    paid = .allocate(capacity: count)
    marks = .allocate(capacity: count)
    paid.initialize(repeating: 0, count: count)
    marks.initialize(repeating: StepFlags.isLast.rawValue, count: count)
  }

  deinit {
    values.deallocate()
    paid.deallocate()
    marks.deallocate()
  }

  var observations: UnsafeRawPointer { UnsafeRawPointer(values) }
  var rewards: UnsafePointer<Float> { UnsafePointer(paid) }
  var flags: UnsafePointer<UInt8> { UnsafePointer(marks) }

  func reset(seed: UInt64?) throws {
    marks.update(repeating: StepFlags.isLast.rawValue, count: count)
    advance()
  }

  func beginStep(actions: UnsafeRawPointer) throws { advance() }
  func finishStep() throws {}

  private func advance() {
    for index in 0..<count {
      let wasLast = marks[index] & StepFlags.isLast.rawValue != 0
      paid[index] = wasLast ? 0 : Float(draw.below(64)) / 8 - 4
      var flags: StepFlags = wasLast ? .isFirst : []
      if !wasLast, draw.below(8) == 0 { flags = draw.below(2) == 0 ? .isLast : [.isLast, .isTerminal] }
      marks[index] = flags.rawValue
      for element in 0..<2 { values[index * 2 + element] = draw.uniformFloat() * 4 - 2 }
    }
  }
}
