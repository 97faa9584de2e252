// Splitting a batch over shards.

import Foundations
import Testing
import TestSupport

@testable import Services

@Suite struct ShardSplitTests {
  /// Each part gets its fraction rounded down or up; the parts add up to the batch, and on average
  /// each gets exactly its fraction.
  @Test(arguments: Seeds.list(count: 20))
  func countsAreTheFractions(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let rows = 1 + generator.below(600)
    let fractions = ShardSplit.fractions(
      (0..<1 + generator.below(6)).map { _ in generator.below(4) == 0 ? 0 : generator.uniform() })
    let draws = 4000
    var sums = fractions.map { _ in 0 }
    for _ in 0..<draws {
      let counts = ShardSplit.counts(of: rows, fractions: fractions, start: generator.uniform())
      #expect(counts.reduce(0, +) == rows, "\(Seeds.replay(seed))")
      for (index, count) in counts.enumerated() {
        #expect(abs(Double(count) - fractions[index] * Double(rows)) < 1 + 1e-9, "\(Seeds.replay(seed))")
        sums[index] += count
      }
    }
    for (index, sum) in sums.enumerated() {
      // A count varies by a Bernoulli draw: 5 standard deviations.
      let mean = Double(sum) / Double(draws)
      #expect(abs(mean - fractions[index] * Double(rows)) < 5 * 0.5 / Double(draws).squareRoot())
    }
  }

  @Test func withoutAnyWeightAllAlike() {
    #expect(ShardSplit.fractions([0, 0]) == [0.5, 0.5])
    #expect(ShardSplit.fractions([0, 3, 1]) == [0, 0.75, 0.25])
    #expect(ShardSplit.counts(of: 7, fractions: [0, 1, 0], start: 0.999) == [0, 7, 0])
  }
}
