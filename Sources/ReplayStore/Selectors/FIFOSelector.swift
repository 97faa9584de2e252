// Chooses the oldest item.

internal import Foundations

/// Chooses the item with the oldest first step, the same one until it is removed. Its probability
/// is 1. O(log₈ capacity).
///
/// *Differs from Reverb:* the order is that of the first steps, not of the items' insertion. That
/// is the ring's order of eviction, and it needs no queue.
struct FIFOSelector: ItemSelector {
  func select(from set: SlotSet, oldest: Int, generator: inout SeededGenerator, into selection: Selection)
    -> Double
  {
    selection.fill(set.first(from: oldest), mass: Double(set.count))
  }
}
