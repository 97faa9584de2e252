// Chooses the newest item.

internal import Foundations

/// Chooses the item with the newest first step, the same one until it is removed or a newer one is
/// inserted. Its probability is 1. O(log₈ capacity).
///
/// *Differs from Reverb:* the order is that of the first steps, not of the items' insertion.
struct LIFOSelector: ItemSelector {
  func select(from set: SlotSet, oldest: Int, generator: inout SeededGenerator, into selection: Selection)
    -> Double
  {
    selection.fill(set.last(before: oldest), mass: Double(set.count))
  }
}
