// The sum tree and the set of slots.

import Foundations
import Testing

@testable import ReplayStore

@Suite struct PriorityTreeTests {
  /// Capacities around powers of 8, where padding could be wrong.
  @Test(arguments: [1, 7, 8, 9, 63, 64, 65, 511, 513, 4097])
  func drawsEndWhereTheCumulatedWeightsSay(capacity: Int) throws {
    let tree = try PriorityTree(capacity: capacity)
    var generator = SeededGenerator(seed: UInt64(capacity))
    var weights = (0..<capacity).map { _ in generator.below(3) == 0 ? Float(generator.below(1000)) : 0 }
    weights[capacity - 1] = 5
    let slots = (0..<capacity).map { UInt32($0) }
    tree.update(slots, weights, count: capacity)
    #expect(tree.total == weights.reduce(0) { $0 + Double($1) })
    var drawn = [UInt32](repeating: 0, count: 300)
    var found = [Float](repeating: 0, count: 300)
    var twin = generator
    tree.draw(300, generator: &generator, slots: &drawn, weights: &found)
    for index in 0..<300 {
      let target = (Double(index) + twin.uniform()) * (tree.total / 300)
      var sum = 0.0
      let expected = weights.firstIndex { weight in
        sum += Double(weight)
        return sum > target
      }
      #expect(Int(drawn[index]) == expected)
      #expect(found[index] == weights[expected!])
    }
  }

  /// Both paths choose the same leaves for the same targets, even if weights differ by 10³⁰.
  @Test func pathsAgree() throws {
    for seed in 0..<40 as Range<UInt64> {
      var generator = SeededGenerator(seed: seed)
      let capacity = 1 + generator.below(5000)
      let best = try PriorityTree(capacity: capacity)
      let portable = try PriorityTree(capacity: capacity, portable: true)
      let slots = (0..<capacity).map { UInt32($0) }
      let weights = slots.map { _ -> Float in
        let shift = generator.below(31)
        return generator.below(2) == 0 ? 0 : [1e-15, 1, 1e15][shift % 3] * (generator.uniformFloat() + 0.1)
      }
      for tree in [best, portable] { tree.update(slots, weights, count: capacity) }
      guard best.total > 0 else { continue }
      var results: [[UInt32]] = []
      for tree in [best, portable] {
        var copy = generator
        var drawn = [UInt32](repeating: 0, count: 300)
        var found = [Float](repeating: 0, count: 300)
        tree.draw(300, generator: &copy, slots: &drawn, weights: &found)
        #expect(found.allSatisfy { $0 > 0 }, "seed \(seed): a leaf of weight 0")
        results.append(drawn)
      }
      #expect(results[0] == results[1], "seed \(seed)")
    }
  }

  /// Weights swing 10⁶-fold 200,000 times; the sums stay those of the leaves.
  @Test func nothingDrifts() throws {
    let capacity = 3000
    let tree = try PriorityTree(capacity: capacity)
    var generator = SeededGenerator(seed: 7)
    var slots = [UInt32](repeating: 0, count: 500)
    var weights = [Float](repeating: 0, count: 500)
    for _ in 0..<400 {
      for index in 0..<500 {
        slots[index] = UInt32(generator.below(capacity))
        weights[index] =
          generator.below(2) == 0 ? 1e-3 * generator.uniformFloat() : 1e3 * generator.uniformFloat()
      }
      tree.update(slots, weights, count: 500)
    }
    let sum = (0..<capacity).reduce(0.0) { $0 + Double(tree.weight(at: $1)) }
    #expect(abs(tree.total - sum) / sum < 1e-6)
    #expect(tree.worstSumError() < 1e-6)
    tree.clear(1..<capacity - 1)
    #expect(tree.total == Double(tree.weight(at: 0)) + Double(tree.weight(at: capacity - 1)))
    tree.clear(0..<capacity)
    #expect(tree.total == 0)
  }

  @Test func theLastUpdateOfASlotStays() throws {
    let tree = try PriorityTree(capacity: 600)
    let slots = [UInt32](repeating: 300, count: 600)
    tree.update(slots, (0..<600).map { Float($0) }, count: 600)
    #expect(tree.weight(at: 300) == 599 && tree.total == 599)
  }

  @Test func slotSetAgreesWithASet() throws {
    for seed in 0..<30 as Range<UInt64> {
      var generator = SeededGenerator(seed: seed)
      let capacity = 1 + generator.below(6000)
      let set = try SlotSet(capacity: capacity)
      var model = Set<Int>()
      for _ in 0..<60 {
        let start = generator.below(capacity)
        let end = min(capacity, start + 1 + generator.below(700))
        if generator.below(3) == 0 {
          set.remove(start..<end)
          model.subtract(start..<end)
        } else {
          let added = (start..<end).filter { !model.contains($0) && generator.below(2) == 0 }
          set.insert(added.map { UInt32($0) }, count: added.count)
          model.formUnion(added)
        }
      }
      let sorted = model.sorted()
      #expect(set.count == sorted.count)
      for (rank, slot) in sorted.enumerated() {
        if set.select(rank) != slot || set.rank(of: slot) != rank {
          Issue.record("seed \(seed), slot \(slot)")
        }
      }
      guard !sorted.isEmpty else { continue }
      for _ in 0..<50 {
        let start = generator.below(capacity)
        #expect(set.first(from: start) == sorted.first { $0 >= start } ?? sorted[0])
      }
    }
  }

  @Test func selectBit() {
    for word in [1, 0x8000_0000_0000_0000, 0xFFFF_FFFF_FFFF_FFFF, 0x1248_8421_0F0F_00FF] as [UInt64] {
      let bits = (0..<64).filter { word >> UInt64($0) & 1 == 1 }
      for (rank, bit) in bits.enumerated() { #expect(SlotSet.selectBit(word, rank) == bit) }
    }
  }
}
