// The oldest item first.

internal import Foundations

/// Chooses the item whose first step came first, the same one until it is removed; its probability is 1.
///
/// *Differs from Reverb:* the order is that of first steps, not of the items' arrival. It is the ring's order of
/// eviction and needs no queue beside it.
struct FIFOSelector: ItemSelector {
  func assign(_ slots: UnsafePointer<UInt32>, _ priorities: UnsafePointer<Float>, count: Int) {}
  func remove(_ range: Range<Int>) {}

  func select(from set: SlotSet, oldest: Int, generator: inout SeededGenerator, into selection: Selection)
    -> Double
  {
    let slot = select(from: set, oldest: oldest)
    for draw in 0..<selection.count {
      selection.slots[draw] = UInt32(slot)
      selection.weights[draw] = Float(set.count)
    }
    return Double(set.count)
  }

  /// The choice of a remover: needs no generator.
  func select(from set: SlotSet, oldest: Int) -> Int { set.first(from: oldest) }
}
