// The item with the least or the largest priority.

internal import Foundations

/// Chooses the item with the least (or largest) raw priority, the oldest among equals, the same one until something
/// changes; its probability is 1. Update and choice O(log₈ capacity), exact.
///
/// *Differs from Reverb:* no heap but a tree of winners over the slots. It needs no place of each item, removes whole ranges
/// at once, and is the same however its items came, so a recovered table chooses as the one before would have.
struct HeapSelector: ItemSelector {
  enum End {
    case least, greatest
  }

  let tree: TournamentTree
  let end: End

  init(_ end: End, capacity: Int) throws(ReplayStoreError) {
    self.end = end
    tree = try TournamentTree(capacity: capacity)
  }

  /// Larger for what is to be chosen, never 0. The bits of floats that are not negative are ordered as they are.
  @inline(__always)
  func key(_ priority: Float) -> UInt32 {
    let bits = priority.bitPattern & 0x7FFF_FFFF
    return end == .greatest ? bits + 1 : 0x8000_0000 - bits
  }

  func assign(_ slots: UnsafePointer<UInt32>, _ priorities: UnsafePointer<Float>, count: Int) {
    for index in 0..<count { tree.assign(Int(slots[index]), key(priorities[index])) }
  }

  func remove(_ range: Range<Int>) { tree.clear(range) }

  func select(from set: SlotSet, oldest: Int, generator: inout SeededGenerator, into selection: Selection)
    -> Double
  {
    selection.fill(tree.winner(from: oldest), mass: Double(set.count))
  }
}
