// Draws every item with the same probability.

internal import Foundations

/// P(i) = 1 / N, exact at any N. Stratified: draw i of k is uniform in the ranks [i, i + 1) · N /
/// k.
struct UniformSelector: ItemSelector {
  func select(from set: SlotSet, oldest: Int, generator: inout SeededGenerator, into selection: Selection)
    -> Double
  {
    let stratum = Double(set.count) / Double(selection.count)
    for draw in 0..<selection.count {
      let rank = Int((Double(draw) + generator.uniform()) * stratum)
      // The product may round up to N.
      selection.slots[draw] = UInt32(set.select(min(rank, set.count - 1)))
      selection.weights[draw] = 1
    }
    return Double(set.count)
  }
}
