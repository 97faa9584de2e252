// The keys of a message, none of which may occur twice.

import Foundations
import Testing

@testable import ReplayStore

@Suite struct KeySetTests {
  /// Ascending runs, smaller keys and repetitions, beside a plain set. One key set serves all
  /// rounds, as in a table.
  @Test(arguments: [1, 2, 3] as [UInt64])
  func findsWhatWasThere(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    var keys = KeySet()
    for round in 0..<300 {
      let count = 1 + generator.below(round % 10 == 0 ? 1000 : 40)
      keys.begin(count)
      var earlier: [UInt64] = []
      var known: Set<UInt64> = []
      var next: UInt64 = UInt64(generator.below(1000))
      for _ in 0..<count {
        // Mostly the next key; else one nearby, which may occur already.
        next = generator.below(20) > 0 ? next + 1 : UInt64(generator.below(1000))
        let isNew = earlier.withUnsafeBufferPointer { keys.insert(next, after: $0) }
        #expect(isNew == known.insert(next).inserted, "seed \(seed), round \(round), key \(next)")
        // As in a table, a refused key is not kept.
        if isNew { earlier.append(next) }
      }
    }
  }
}
