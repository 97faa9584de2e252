// The conformance suite of EnvironmentBatch.

import Environments
import Experience
import Foundations
import Testing

/// Steps a batch with random actions and checks what `EnvironmentBatch` promises. Call it for each
/// kind of batch.
struct Conformance {
  /// Makes a batch of (count, seed), not yet reset.
  var make: (Int, UInt64) throws -> any EnvironmentBatch
  var count = 5
  var ticks = 1200

  func run() throws {
    try ticksYieldOneRowEach()
    try seedsRepeat()
    try badActionsChangeNothing()
    try resetAbandonsEpisodes()
  }

  /// The rows of a batch, copied.
  struct Rows: Equatable {
    var observations: [UInt8]
    var rewards: [Float]
    var flags: [StepFlags]

    init(_ batch: any EnvironmentBatch) {
      let bytes = batch.count * batch.spec.observationByteCount
      observations = Array(UnsafeRawBufferPointer(start: batch.observations, count: bytes))
      rewards = Array(UnsafeBufferPointer(start: batch.rewards, count: batch.count))
      flags = UnsafeBufferPointer(start: batch.flags, count: batch.count).map(StepFlags.init(rawValue:))
    }
  }

  private func randomActions(_ batch: any EnvironmentBatch, _ generator: inout SeededGenerator) -> [Int32] {
    (0..<batch.count).map { _ in Int32(generator.below(batch.spec.actions.discreteCount!)) }
  }

  private func ticksYieldOneRowEach() throws {
    let batch = try make(count, 1)
    #expect(batch.count == count)
    #expect(throws: (any Error).self) { try batch.step(actions: [Int32](repeating: 0, count: count)) }
    try batch.reset()
    var rows = Rows(batch)
    #expect(rows.flags == Array(repeating: .isFirst, count: count))
    #expect(rows.rewards == Array(repeating: 0, count: count))
    var generator = SeededGenerator(seed: 2)
    var lengths = Array(repeating: 0, count: count)
    var episodes = 0
    for _ in 0..<ticks {
      try batch.step(actions: randomActions(batch, &generator))
      let next = Rows(batch)
      for index in 0..<count {
        let flags = next.flags[index]
        #expect(flags.isSubset(of: .known))
        #expect(next.rewards[index].isFinite)
        if rows.flags[index].contains(.isLast) {
          #expect(flags == .isFirst)
          #expect(next.rewards[index] == 0)
          lengths[index] = 0
          episodes += 1
        } else {
          lengths[index] += 1
          checkFlags(flags, length: lengths[index], batch.spec)
        }
      }
      if batch.spec.observationType == .float32 { checkFinite(batch) }
      rows = next
    }
    if let limit = batch.spec.maxEpisodeSteps, ticks > 2 * limit { #expect(episodes >= 2 * count) }
  }

  private func checkFlags(_ flags: StepFlags, length: Int, _ spec: EnvironmentSpec) {
    #expect(!flags.contains(.isFirst))
    if flags.contains(.isTerminal) { #expect(flags.contains(.isLast)) }
    guard let limit = spec.maxEpisodeSteps else { return }
    #expect(length <= limit)
    #expect(length < limit || flags.contains(.isLast))
  }

  private func checkFinite(_ batch: any EnvironmentBatch) {
    let elements = batch.count * batch.spec.observationElementCount
    let values = UnsafeBufferPointer(
      start: batch.observations.assumingMemoryBound(to: Float.self), count: elements)
    #expect(values.allSatisfy { $0.isFinite })
  }

  /// The rows of `ticks` steps after `reset(seed: seed)`.
  private func play(_ batch: any EnvironmentBatch, seed: UInt64?, actions: UInt64) throws -> [Rows] {
    try batch.reset(seed: seed)
    var generator = SeededGenerator(seed: actions)
    var rows = [Rows(batch)]
    for _ in 0..<min(ticks, 300) {
      try batch.step(actions: randomActions(batch, &generator))
      rows.append(Rows(batch))
    }
    return rows
  }

  private func seedsRepeat() throws {
    let first = try make(count, 7)
    let second = try make(count, 7)
    let rows = try play(first, seed: nil, actions: 3)
    #expect(try play(second, seed: nil, actions: 3) == rows)
    #expect(try play(first, seed: nil, actions: 3) != rows)
    #expect(try play(first, seed: 7, actions: 3) == rows)
    #expect(try play(first, seed: 8, actions: 3) != rows)
    // Environments of one batch differ.
    let width = first.spec.observationByteCount
    let observations = rows[0].observations
    #expect(Set((0..<count).map { Array(observations[$0 * width..<($0 + 1) * width]) }).count == count)
  }

  private func badActionsChangeNothing() throws {
    let batch = try make(count, 4)
    try batch.reset()
    var generator = SeededGenerator(seed: 5)
    var sawIgnored = false
    for _ in 0..<ticks {
      let rows = Rows(batch)
      for bad in [-1, Int32(batch.spec.actions.discreteCount!), .max, .min] {
        var actions = randomActions(batch, &generator)
        actions[generator.below(count)] = bad
        guard zip(actions, rows.flags).contains(where: { $0 == bad && !$1.contains(.isLast) }) else {
          continue
        }
        #expect(throws: EnvironmentError.self) { try batch.beginStep(actions: actions) }
        #expect(Rows(batch) == rows)
      }
      var actions = randomActions(batch, &generator)
      for index in 0..<count where rows.flags[index].contains(.isLast) {
        actions[index] = .min
        sawIgnored = true
      }
      try batch.step(actions: actions)
    }
    #expect(sawIgnored || ticks < (batch.spec.maxEpisodeSteps ?? .max))
  }

  private func resetAbandonsEpisodes() throws {
    let batch = try make(count, 6)
    try batch.reset()
    try batch.step(actions: Array(repeating: 0, count: count))
    try batch.reset()
    let rows = Rows(batch)
    #expect(rows.flags == Array(repeating: .isFirst, count: count))
    #expect(rows.rewards == Array(repeating: 0, count: count))
  }
}
