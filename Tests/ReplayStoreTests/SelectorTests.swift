// What selectors draw, by statistics.

import Foundations
import Testing

@testable import ReplayStore

/// The published check: keys 10…99, p = k / 4905, 10⁶ draws; χ² has 89 degrees of freedom and is refused above 135.98
/// (α = .001). Stratified draws vary less than independent ones, so χ² is only bounded from above.
@Suite struct SelectorTests {
  private static let keys = 10...99
  private static let draws = 1_000_000
  private static let limit = 135.98

  /// How often each key is drawn, in batches of a size.
  private func counts(_ kind: SelectorKind, batch: Int) throws -> [Int: Int] {
    let capacity = 1000
    let selector = try Selector(kind, capacity: capacity)
    let set = try SlotSet(capacity: capacity)
    // Spread over the slots: nothing may depend on neighbours.
    let slots = Self.keys.map { UInt32($0 * 7 % 1000) }
    set.insert(slots, count: slots.count)
    selector.assign(slots, Self.keys.map(Float.init), count: slots.count)
    let keyOfSlot = Dictionary(uniqueKeysWithValues: zip(slots, Self.keys))
    var generator = SeededGenerator(seed: 2024)
    var drawn = [UInt32](repeating: 0, count: batch)
    var weights = [Float](repeating: 0, count: batch)
    var bySlot = [Int](repeating: 0, count: capacity)
    for _ in 0..<Self.draws / batch {
      drawn.withUnsafeMutableBufferPointer { drawn in
        weights.withUnsafeMutableBufferPointer { weights in
          let selection = Selection(slots: drawn.baseAddress!, weights: weights.baseAddress!, count: batch)
          _ = selector.select(from: set, oldest: 0, generator: &generator, into: selection)
          for slot in drawn { bySlot[Int(slot)] += 1 }
        }
      }
    }
    var counts: [Int: Int] = [:]
    for (slot, count) in bySlot.enumerated() where count > 0 { counts[keyOfSlot[UInt32(slot)]!] = count }
    return counts
  }

  private func chiSquare(_ counts: [Int: Int], _ probability: (Int) -> Double) -> Double {
    let total = Double(counts.values.reduce(0, +))
    return Self.keys.reduce(0) { sum, key in
      let expected = probability(key) * total
      let difference = Double(counts[key] ?? 0) - expected
      return sum + difference * difference / expected
    }
  }

  @Test(arguments: [1, 500]) func proportional(batch: Int) throws {
    let counts = try counts(.prioritized(exponent: 1), batch: batch)
    #expect(chiSquare(counts) { Double($0) / 4905 } < Self.limit)
    // The wrong distribution fails by orders of magnitude.
    #expect(chiSquare(counts) { _ in 1 / 90 } > 100_000)
  }

  @Test(arguments: [1, 500]) func uniform(batch: Int) throws {
    let counts = try counts(.uniform, batch: batch)
    #expect(chiSquare(counts) { _ in 1 / 90 } < Self.limit)
    let wrong = chiSquare(counts) { Double($0) / 4905 }
    #expect(wrong > 400_000 && wrong < 450_000)
  }

  @Test func exponent() throws {
    let counts = try counts(.prioritized(exponent: 0.5), batch: 100)
    let sum = Self.keys.reduce(0) { $0 + Double($1).squareRoot() }
    #expect(chiSquare(counts) { Double($0).squareRoot() / sum } < Self.limit)
    #expect(chiSquare(counts) { Double($0) / 4905 } > 10_000)
  }

  /// p = 1, 2, 3, 4 at α = .6 (recomputed from Schaul et al. 2016, eq. 1).
  @Test func goldenProbabilities() throws {
    let store = try makeStore(capacity: 100, transitionTable(1, .prioritized(exponent: 0.6)))
    let message = Message().chunk(0, 0, flags: [0, 0, 0, 0, 0])
    for index in 0..<4 { message.item(0, UInt64(index), 2, Float(index + 1)) }
    _ = try store.insert(message, writer: 0)
    var draw = Draw()
    var generator = SeededGenerator(seed: 3)
    try store.sample(table: 0, count: 64, generator: &generator, into: &draw)
    let expected: [Float] = [0.148230, 0.224674, 0.286555, 0.340542]
    #expect(Set(draw.keys) == [0, 1, 2, 3])
    for row in 0..<64 {
      #expect(abs(draw.probabilities[row] - expected[Int(draw.keys[row])]) < 1e-6)
      #expect(draw.priorities[row] == Float(draw.keys[row] + 1))
    }
    #expect(abs(draw.mass - 6.746296) < 1e-5)
  }

  @Test func allZeroMassIsUniform() throws {
    let store = try makeStore(capacity: 100, transitionTable(1, .prioritized(exponent: 0.6)))
    let message = Message().chunk(0, 0, flags: [UInt8](repeating: 0, count: 11))
    for index in 0..<10 { message.item(0, UInt64(index), 2, 0) }
    _ = try store.insert(message, writer: 0)
    var draw = Draw()
    var generator = SeededGenerator(seed: 3)
    try store.sample(table: 0, count: 100, generator: &generator, into: &draw)
    #expect(Set(draw.keys).count == 10)
    #expect(draw.probabilities.allSatisfy { $0 == 0.1 })
    // One item with mass takes it all.
    _ = try store.update([4], [1e-30])
    try store.sample(table: 0, count: 100, generator: &generator, into: &draw)
    #expect(Set(draw.keys) == [4])
  }

  @Test func fifoServesTheOldestAsOftenAsAllowed() throws {
    let store = try makeStore(capacity: 6, transitionTable(1, .fifo, timesSampledMax: 2))
    var draw = Draw()
    var generator = SeededGenerator(seed: 3)
    let first = Message().chunk(0, 0, flags: [0, 0]).item(0, 0, 2)
    _ = try store.insert(first, writer: 0)
    // Around the ring's end.
    let second = Message().chunk(0, 2, flags: [0, 0, 0, 0, 0])
    for index in 2..<6 { second.item(0, UInt64(index), 2) }
    _ = try store.insert(second, writer: 0)
    try store.sample(table: 0, count: 5, generator: &generator, into: &draw)
    #expect(draw.keys == [2, 2, 3, 3, 4])
    #expect(!store.canSample(table: 0, count: 4))
    try store.sample(table: 0, count: 3, generator: &generator, into: &draw)
    #expect(draw.keys == [4, 5, 5])
    #expect(store.statistics.tables[0].itemsRemoved == 4)
    #expect(
      store.reasonSampleBlocked(table: 0, count: 1) == "table 'replay': sample of 1: size 0 < 1 (minSize)")
  }
}
