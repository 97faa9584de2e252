// Chooses the item with the least or the greatest priority.

internal import Foundations

/// Chooses the item with the least (or greatest) raw priority, the oldest among equals, the same
/// one until an item or priority changes. Its probability is 1. Update and choice are O(log₈
/// capacity) and exact.
///
/// *Differs from Reverb:* a tournament tree over the slots, not a heap. It stores no place for each
/// item, removes ranges at once, and does not depend on the order of inserts, so a recovered table
/// chooses as before.
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

  /// A key that is larger for an item to be chosen first, and never 0. The bits of floats that are
  /// not negative have the floats' order.
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
