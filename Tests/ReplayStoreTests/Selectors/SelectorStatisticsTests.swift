// The distribution that random selectors draw, by tests that a wrong one fails by orders of
// magnitude.

import Experience
import Foundation
import Foundations
import Testing

@testable import ReplayStore

/// Stratified draws vary less than independent ones, so χ² is only bounded from above.
@Suite struct SelectorStatisticsTests {
  private static let random = everySelector.filter { !$0.isDeterministic }

  /// The published check: keys 10…99, priority = key, 200,000 draws (10⁶ in the long tests). χ² has
  /// 89 degrees of freedom and is rejected above 135.98 (α = .001). Against any other selector's
  /// distribution the same draws fail by orders of magnitude.
  @Test(arguments: random, [1, 500]) func tenToNinetyNine(kind: SelectorKind, batch: Int) throws {
    let harness = try SelectorHarness(kind, capacity: 1000, seed: 2024)
    // Spread over the slots, because nothing may depend on neighbours.
    let keys = Array(10...99)
    let slots = keys.map { $0 * 7 % 1000 }
    harness.assign(slots, keys.map(Float.init))
    let bySlot = harness.counts(draws: runsLongTests ? 1_000_000 : 200_000, batch: batch)
    let counts = slots.map { bySlot[$0] }
    #expect(counts.reduce(0, +) == bySlot.reduce(0, +))
    let expected = harness.model.probabilities(oldest: 0)
    #expect(chiSquare(counts, slots.map { expected[$0]! }) < 135.98)
    for other in Self.random {
      let model = SelectorModel(kind: other, capacity: 1000, priorities: harness.model.priorities)
      let wrong = model.probabilities(oldest: 0)
      // Exponent 0 and uniform are the same distribution.
      guard slots.contains(where: { abs(wrong[$0]! - expected[$0]!) > 1e-9 }) else { continue }
      #expect(chiSquare(counts, slots.map { wrong[$0]! }) > 2000, "draws of \(kind) pass for \(other)")
    }
  }

  /// Many items with priorities over nine orders of magnitude, in 64 bins of equal count with known
  /// probabilities. χ² with 63 degrees of freedom, α = 10⁻³: 103.4. The long tests use 10⁷ items.
  @Test(arguments: [
    SelectorKind.uniform, .prioritized(exponent: 0.6), .rank(exponent: 0.7), .rank(exponent: 1),
  ])
  func manyItems(kind: SelectorKind) throws {
    let count = runsLongTests ? 10_000_000 : 200_003
    let bins = 64
    let selector = try Selector(kind, capacity: count)
    let set = try SlotSet(capacity: count)
    var generator = SeededGenerator(seed: 77)
    // Bin b holds the slots that are b mod 64; priorities fall from bin to bin.
    let slots = (0..<count).map { UInt32($0) }
    let priorities = slots.map {
      Float(pow(2, Double(bins - Int($0) % bins) / 2)) + Float($0 / 64 % 7) / 1000
    }
    set.insert(slots, count: count)
    selector.assign(slots, priorities, count: count)
    let probabilities = Self.binProbabilities(kind, priorities, bins: bins)

    var counts = [Int](repeating: 0, count: bins)
    var drawn = [UInt32](repeating: 0, count: 512)
    var weights = [Float](repeating: 0, count: 512)
    var seen: [UInt32: Int] = [:]
    for _ in 0..<(runsLongTests ? 4000 : 600) {
      _ = drawn.withUnsafeMutableBufferPointer { drawn in
        weights.withUnsafeMutableBufferPointer { weights in
          selector.select(
            from: set, oldest: 0, generator: &generator,
            into: Selection(slots: drawn.baseAddress!, weights: weights.baseAddress!, count: 512))
        }
      }
      for slot in drawn {
        counts[Int(slot) % bins] += 1
        seen[slot, default: 0] += 1
      }
    }
    #expect(chiSquare(counts, probabilities) < 103.4)
    if kind != .uniform {
      #expect(chiSquare(counts, [Double](repeating: 1 / Double(bins), count: bins)) > 10_000)
    } else {
      // No item is drawn much more often than another: at 10⁷ items 99.99 % of the draws' slots
      // differ, and none comes 30 times.
      #expect(seen.values.max()! < 30)
    }
  }

  private static func binProbabilities(_ kind: SelectorKind, _ priorities: [Float], bins: Int) -> [Double] {
    var sums = [Double](repeating: 0, count: bins)
    switch kind {
    case .uniform: for slot in priorities.indices { sums[slot % bins] += 1 }
    case .prioritized(let exponent):
      for (slot, priority) in priorities.enumerated() { sums[slot % bins] += pow(Double(priority), exponent) }
    case .rank(let exponent):
      // Bins have consecutive ranks, because their priorities fall.
      var rank = 0
      for bin in 0..<bins {
        for _ in stride(from: bin, to: priorities.count, by: bins) {
          rank += 1
          sums[bin] += pow(Double(rank), -exponent)
        }
      }
    default: break
    }
    let total = sums.reduce(0, +)
    return sums.map { $0 / total }
  }

  /// Sums and their inverse beside naive ones, in the summed ranks and beyond.
  @Test(arguments: [0, 0.5, 0.7, 1, 1.3, 2, 5, 16]) func rankWeights(exponent: Double) {
    let distribution = RankDistribution(exponent: exponent)
    var sum = 0.0
    var generator = SeededGenerator(seed: 4)
    for rank in 1...3000 {
      let weight = pow(Double(rank), -exponent)
      let before = distribution.sum(rank - 1)
      #expect(abs(before - sum) <= 1e-5 * sum, "rank \(rank)")
      // Within α(α + 1) / 24r² of r^−α.
      let allowed = exponent * (exponent + 1) / 24 / 65_536 * 1.5 + 1e-9
      #expect(abs(distribution.sum(after: rank - 1, count: 1) - weight) <= allowed * weight, "rank \(rank)")
      let share = generator.uniform() * 0.98 + 0.01
      // For high ranks the weight is less than the sum's rounding.
      if weight > 1e-10 * max(sum, 1) {
        #expect(distribution.rank(at: before + share * weight, count: 4000) == rank, "rank \(rank)")
      }
      sum += weight
    }
    for count in [1, 2, 100, 256, 257, 1 << 31] {
      #expect(distribution.rank(at: distribution.sum(count) * (1 - 1e-16), count: count) <= count)
      // The last ranks of a steep distribution weigh less than the sum's rounding.
      if exponent <= 1 {
        #expect(distribution.rank(at: distribution.sum(count), count: count) == count, "\(count)")
      }
      #expect(distribution.rank(at: 0, count: count) == 1)
    }
    let total = distribution.sum(10_000_000)
    let parts = distribution.sum(300) + distribution.sum(after: 300, count: 9_999_700)
    #expect(abs(total - parts) < 1e-9 * total)
    #expect(distribution.sum(after: 9_999_999, count: 1) > 0)
  }
}
