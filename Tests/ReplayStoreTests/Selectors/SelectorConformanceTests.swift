// What every selector must do.

import Experience
import Foundation
import Foundations
import Testing

@testable import ReplayStore

@Suite struct SelectorConformanceTests {
  /// Items come, change and go. Reported probabilities equal the definition's, for the live
  /// selector and for one rebuilt from the records.
  @Test(arguments: everySelector) func agreesWithItsDefinition(kind: SelectorKind) throws {
    for seed in 0..<12 as Range<UInt64> {
      var generator = SeededGenerator(seed: seed)
      let harness = try SelectorHarness(kind, capacity: 1 + generator.below(400), seed: seed)
      for step in 0..<25 {
        act(harness, &generator)
        guard harness.set.count > 0 else { continue }
        let expected = harness.model.probabilities(oldest: harness.oldest)
        if let problem = compare(harness, expected, count: 1 + generator.below(40)) {
          Issue.record("\(kind), seed \(seed), step \(step): \(problem)")
          return
        }
        if let problem = harness.selector.brokenInvariant(harness.set, harness.records) {
          Issue.record("\(kind), seed \(seed), step \(step): \(problem)")
          return
        }
        guard step % 8 == 7 else { continue }
        let original = harness.selector
        harness.selector = try harness.rebuilt()
        let problem = compare(harness, expected, count: 20)
        #expect(problem == nil, "\(kind), seed \(seed), step \(step), rebuilt")
        if seed % 2 == 0 { harness.selector = original }
      }
    }
  }

  /// One random change: a run of new items, new priorities (some slots twice), or a removed range.
  private func act(_ harness: SelectorHarness, _ generator: inout SeededGenerator) {
    let capacity = harness.capacity
    harness.oldest = generator.below(capacity)
    let start = generator.below(capacity)
    let end = min(capacity, start + 1 + generator.below(200))
    switch generator.below(4) {
    case 0: harness.remove(start..<end)
    case 1:
      let slots = harness.model.priorities.keys.sorted()
      guard !slots.isEmpty else { return }
      let chosen = (0..<30).map { _ in slots[generator.below(slots.count)] }
      harness.assign(chosen, chosen.map { _ in priority(&generator) })
    default:
      let slots = (start..<end).filter { _ in generator.below(3) > 0 }
      let shared = priority(&generator)
      harness.assign(slots, slots.map { _ in generator.below(2) == 0 ? shared : priority(&generator) })
    }
  }

  /// Small whole numbers (which tie), fractions, zero, and now and then an outlier.
  private func priority(_ generator: inout SeededGenerator) -> Float {
    switch generator.below(12) {
    case 0: 0
    case 1: 1e6 * generator.uniformFloat()
    case 2: 1e-6 * generator.uniformFloat()
    case 3...6: Float(1 + generator.below(5))
    default: generator.uniformFloat()
    }
  }

  private func compare(_ harness: SelectorHarness, _ expected: [Int: Double], count: Int) -> String? {
    let (slots, probabilities, mass) = harness.draw(count)
    guard mass > 0, mass.isFinite else { return "mass \(mass)" }
    for (slot, found) in zip(slots, probabilities) {
      guard let expected = expected[slot] else { return "slot \(slot) cannot be chosen" }
      if abs(found - expected) > 1e-5 * expected { return "slot \(slot): P \(found), expected \(expected)" }
    }
    return nil
  }

  /// Sizes around powers of 8, 16 and 64, where padding could be wrong. Every item can be drawn.
  @Test(arguments: everySelector) func everyCapacity(kind: SelectorKind) throws {
    for capacity in [1, 2, 7, 8, 9, 15, 17, 63, 64, 65, 100, 511, 513, 1000] {
      let harness = try SelectorHarness(kind, capacity: capacity, seed: 5)
      harness.assign(Array(0..<capacity), (0..<capacity).map { Float($0 % 3 + 1) })
      for oldest in [0, capacity / 2, capacity - 1] {
        harness.oldest = oldest
        let expected = harness.model.probabilities(oldest: oldest)
        let drawn = Set(harness.draw(capacity * 8).slots)
        // The rarest item has P ≥ 1 / 3N with proportional selectors, less with ranks.
        let sure = expected.filter { $0.value > 0.2 / Double(capacity) }.map(\.key)
        #expect(drawn.isSubset(of: expected.keys), "\(kind), capacity \(capacity)")
        #expect(drawn.isSuperset(of: sure), "\(kind), capacity \(capacity)")
      }
      harness.remove(0..<capacity - 1)
      #expect(Set(harness.draw(20).slots) == [capacity - 1])
    }
  }

  /// Without mass, random selectors are uniform, and the others use the order of the steps.
  @Test(arguments: everySelector) func allZeroPriorities(kind: SelectorKind) throws {
    let harness = try SelectorHarness(kind, capacity: 103, seed: 11)
    harness.assign(Array(20..<100), [Float](repeating: 0, count: 80))
    harness.oldest = 50
    if kind.isDeterministic {
      #expect(Set(harness.draw(30).slots) == [kind == .lifo ? 49 : 50])
    } else {
      let (_, probabilities, _) = harness.draw(100)
      #expect(probabilities.allSatisfy { abs($0 - 1 / 80) < 1e-7 })
      // χ² with 79 degrees of freedom, α = 10⁻³.
      let counts = harness.counts(draws: 80_000, batch: 1)[20..<100]
      #expect(chiSquare(Array(counts), [Double](repeating: 1 / 80, count: 80)) < 124.8)
    }
  }

  /// The largest and the smallest floats, and −0, which equals 0.
  @Test(arguments: everySelector) func extremePriorities(kind: SelectorKind) throws {
    let harness = try SelectorHarness(kind, capacity: 40, seed: 2)
    let values: [Float] = [
      .greatestFiniteMagnitude, .leastNonzeroMagnitude, .leastNormalMagnitude, 0, -0.0, 1, 1e30, 1e-30,
    ]
    harness.assign(Array(0..<8), values)
    for _ in 0..<20 {
      let (slots, probabilities, mass) = harness.draw(16)
      #expect(mass > 0 && mass.isFinite)
      #expect(slots.allSatisfy { $0 < 8 } && probabilities.allSatisfy { $0 > 0 && $0 <= 1 })
    }
    switch kind {
    case .maxHeap: #expect(harness.draw(1).slots == [0])
    case .minHeap: #expect(harness.draw(1).slots == [3])
    default: break
    }
    harness.remove(0..<3)
    harness.assign([7], [-0.0])
    if kind == .minHeap { #expect(harness.draw(1).slots == [3]) }
    #expect(harness.selector.brokenInvariant(harness.set, harness.records) == nil)
  }

  /// Weights swing 10⁶-fold; afterwards the selector equals one rebuilt from the records. The long
  /// tests make 10⁸ updates of the tree, whose sums are floats; the other selectors count in
  /// integers.
  @Test(arguments: everySelector) func nothingDrifts(kind: SelectorKind) throws {
    var isTree: Bool { if case .prioritized = kind { true } else { false } }
    let updates = runsLongTests ? (isTree ? 100_000_000 : 5_000_000) : 100_000
    let harness = try SelectorHarness(kind, capacity: 3001, seed: 9)
    harness.assign(Array(0..<3001), [Float](repeating: 1, count: 3001))
    var slots = [UInt32](repeating: 0, count: 1000)
    var priorities = [Float](repeating: 0, count: 1000)
    for _ in 0..<updates / 1000 {
      for index in 0..<1000 {
        let bits = harness.generator.next()
        slots[index] = UInt32((bits & 0xFFFF_FFFF) * 3001 >> 32)
        priorities[index] = (bits >> 63 == 0 ? 1e-3 : 1e3) * (Float(bits >> 40 & 0xFFFF) + 1) * 0x1p-16
        harness.records[Int(slots[index])].priority = priorities[index]
      }
      harness.selector.assign(slots, priorities, count: 1000)
    }
    #expect(harness.selector.brokenInvariant(harness.set, harness.records) == nil)
    let rebuilt = try harness.rebuilt()
    let (mass, expected) = (harness.selector.mass(of: harness.set), rebuilt.mass(of: harness.set))
    #expect(abs(mass - expected) <= 1e-12 * expected)
    harness.remove(0..<3001)
    #expect(harness.selector.mass(of: harness.set) == 0)
  }
}

/// Long tests run if the environment asks for them.
let runsLongTests = ProcessInfo.processInfo.environment["ROOKERY_LONG_TESTS"] != nil
