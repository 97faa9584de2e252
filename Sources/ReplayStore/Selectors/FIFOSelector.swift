// The oldest item first.

internal import Foundations

/// Chooses the item whose first step came first, the same one until it is removed; its probability is 1. O(log₈ capacity).
///
/// *Differs from Reverb:* the order is that of first steps, not of the items' arrival. It is the ring's order of
/// eviction and needs no queue beside it.
struct FIFOSelector: ItemSelector {
  func select(from set: SlotSet, oldest: Int, generator: inout SeededGenerator, into selection: Selection)
    -> Double
  {
    selection.fill(set.first(from: oldest), mass: Double(set.count))
  }
}
