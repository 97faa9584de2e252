// Draws items in proportion to a power of their priority.

internal import Foundations
internal import Glibc

/// P(i) = p_i^α / Σ p_j^α (Schaul et al. 2016, eq. 1). Uniform while all priorities are 0.
struct PrioritizedSelector: ItemSelector {
  let tree: PriorityTree
  let exponent: Float

  init(exponent: Double, capacity: Int) throws(ReplayStoreError) {
    self.exponent = Float(exponent)
    tree = try PriorityTree(capacity: capacity)
  }

  /// p^α, within (0, `PriorityTree.weightMax`] for positive p, so that every item with a positive
  /// priority can be drawn.
  @inline(__always)
  func weight(_ priority: Float) -> Float {
    if priority == 0 { return exponent == 0 ? 1 : 0 }
    let power = exponent == 1 ? priority : powf(priority, exponent)
    return min(max(power, .leastNormalMagnitude), PriorityTree.weightMax)
  }

  func assign(_ slots: UnsafePointer<UInt32>, _ priorities: UnsafePointer<Float>, count: Int) {
    withUnsafeTemporaryAllocation(of: Float.self, capacity: count) { weights in
      // New items mostly have the same priority: the table's largest.
      var last: Float = 0
      var lastWeight = weight(0)
      for index in 0..<count {
        let priority = priorities[index]
        if priority != last {
          last = priority
          lastWeight = weight(priority)
        }
        weights[index] = lastWeight
      }
      tree.update(slots, weights.baseAddress!, count: count)
    }
  }

  func remove(_ range: Range<Int>) { tree.clear(range) }

  /// The tree's sum, also while all weights are 0 and draws are uniform.
  func mass(of set: SlotSet) -> Double { tree.total }

  func select(from set: SlotSet, oldest: Int, generator: inout SeededGenerator, into selection: Selection)
    -> Double
  {
    let mass = tree.total
    guard mass > 0 else {
      return UniformSelector().select(from: set, oldest: oldest, generator: &generator, into: selection)
    }
    tree.draw(selection.count, generator: &generator, slots: selection.slots, weights: selection.weights)
    return mass
  }
}
