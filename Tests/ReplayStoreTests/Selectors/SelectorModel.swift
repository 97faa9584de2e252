// What every selector must choose by definition.

import Experience
import Foundation
import Foundations

@testable import ReplayStore

/// All selectors, random ones with several exponents.
let everySelector: [SelectorKind] = [
  .uniform, .prioritized(exponent: 1), .prioritized(exponent: 0.6), .prioritized(exponent: 0),
  .rank(exponent: 0.7), .rank(exponent: 1), .rank(exponent: 0), .rank(exponent: 2), .fifo, .lifo, .minHeap,
  .maxHeap,
]

/// Items by slot, and the probability of each.
struct SelectorModel {
  let kind: SelectorKind
  let capacity: Int
  var priorities: [Int: Float] = [:]

  /// P of every item that can be chosen. `oldest` is the slot of the oldest step.
  func probabilities(oldest: Int) -> [Int: Double] {
    if priorities.isEmpty { return [:] }
    switch kind {
    case .uniform: return normalised { _ in 1 }
    case .prioritized(let exponent):
      let isZero = exponent > 0 && priorities.values.allSatisfy { $0 == 0 }
      return normalised { isZero ? 1 : pow(Double($0), exponent) }
    case .rank(let exponent): return ranked(exponent)
    case .fifo: return leastOnly { age, _ in Double(age) }
    case .lifo: return leastOnly { age, _ in -Double(age) }
    case .minHeap: return leastOnly { _, priority in Double(priority) }
    case .maxHeap: return leastOnly { _, priority in -Double(priority) }
    }

    /// P = 1 for the item with the least value; of equal values, for the oldest.
    func leastOnly(by value: (Int, Float) -> Double) -> [Int: Double] {
      let chosen = priorities.min { a, b in
        let (ageA, ageB) = (age(a.key), age(b.key))
        let (valueA, valueB) = (value(ageA, a.value), value(ageB, b.value))
        return valueA == valueB ? ageA < ageB : valueA < valueB
      }
      return [chosen!.key: 1]
    }
    func age(_ slot: Int) -> Int { (slot - oldest + capacity) % capacity }
  }

  private func normalised(_ weight: (Float) -> Double) -> [Int: Double] {
    let sum = priorities.values.reduce(0) { $0 + weight($1) }
    return priorities.compactMapValues { weight($0) > 0 ? weight($0) / sum : nil }
  }

  /// 1 / rank^α, averaged over items whose float32 priorities agree in all but the last 12 bits.
  private func ranked(_ exponent: Double) -> [Int: Double] {
    let sorted = priorities.sorted { $0.value > $1.value }
    var weights: [Int: Double] = [:]
    var first = 0
    while first < sorted.count {
      var end = first
      var sum = 0.0
      while end < sorted.count, sorted[end].value.bitPattern >> 12 == sorted[first].value.bitPattern >> 12 {
        end += 1
        sum += pow(Double(end), -exponent)
      }
      for index in first..<end { weights[sorted[index].key] = sum / Double(end - first) }
      first = end
    }
    let total = weights.values.reduce(0, +)
    return weights.mapValues { $0 / total }
  }
}

/// A selector as a table uses it, with its set, records and model.
final class SelectorHarness {
  let kind: SelectorKind
  let capacity: Int
  var selector: Selector
  let set: SlotSet
  let records: UnsafeMutablePointer<ItemRecord>
  var model: SelectorModel
  var generator: SeededGenerator
  var oldest = 0

  init(_ kind: SelectorKind, capacity: Int, seed: UInt64) throws {
    self.kind = kind
    self.capacity = capacity
    selector = try Selector(kind, capacity: capacity)
    set = try SlotSet(capacity: capacity)
    records = .allocate(capacity: capacity)
    records.initialize(repeating: .none, count: capacity)
    model = SelectorModel(kind: kind, capacity: capacity)
    generator = SeededGenerator(seed: seed)
  }

  deinit { records.deallocate() }

  /// Adds items, or gives items new priorities.
  func assign(_ slots: [Int], _ priorities: [Float]) {
    var added: [UInt32] = []
    for (slot, priority) in zip(slots, priorities) {
      if !records[slot].isItem { added.append(UInt32(slot)) }
      records[slot] = ItemRecord(priority: priority, span: 2, timesSampled: 0)
      model.priorities[slot] = priority
    }
    set.insert(added, count: added.count)
    selector.assign(slots.map { UInt32($0) }, priorities, count: slots.count)
  }

  func remove(_ range: Range<Int>) {
    for slot in range {
      records[slot] = .none
      model.priorities[slot] = nil
    }
    set.remove(range)
    selector.remove(range)
  }

  /// A selector made from the records alone.
  func rebuilt() throws -> Selector {
    let other = try Selector(kind, capacity: capacity)
    other.rebuild(set, from: records)
    return other
  }

  func draw(_ count: Int) -> (slots: [Int], probabilities: [Double], mass: Double) {
    var slots = [UInt32](repeating: 0, count: count)
    var weights = [Float](repeating: 0, count: count)
    let mass = slots.withUnsafeMutableBufferPointer { slots in
      weights.withUnsafeMutableBufferPointer { weights in
        selector.select(
          from: set, oldest: oldest, generator: &generator,
          into: Selection(slots: slots.baseAddress!, weights: weights.baseAddress!, count: count))
      }
    }
    return (slots.map { Int($0) }, weights.map { Double($0) / mass }, mass)
  }

  /// How often each slot is drawn in `draws` draws, in batches.
  func counts(draws: Int, batch: Int) -> [Int] {
    var counts = [Int](repeating: 0, count: capacity)
    for _ in 0..<draws / batch {
      for slot in draw(batch).slots { counts[slot] += 1 }
    }
    return counts
  }
}

/// Pearson's χ² of counts against probabilities.
func chiSquare(_ counts: [Int], _ probabilities: [Double]) -> Double {
  let total = Double(counts.reduce(0, +))
  return zip(counts, probabilities).reduce(0) { sum, entry in
    let expected = entry.1 * total
    let difference = Double(entry.0) - expected
    return sum + (expected > 0 ? difference * difference / expected : entry.0 == 0 ? 0 : .infinity)
  }
}
