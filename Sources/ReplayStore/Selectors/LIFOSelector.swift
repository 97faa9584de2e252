// The newest item first.

internal import Foundations

/// Chooses the item whose first step came last, the same one until it is removed or a newer one comes; its probability is
/// 1. O(log₈ capacity).
///
/// *Differs from Reverb:* the order is that of first steps, not of the items' arrival.
struct LIFOSelector: ItemSelector {
  func select(from set: SlotSet, oldest: Int, generator: inout SeededGenerator, into selection: Selection)
    -> Double
  {
    selection.fill(set.last(before: oldest), mass: Double(set.count))
  }
}
