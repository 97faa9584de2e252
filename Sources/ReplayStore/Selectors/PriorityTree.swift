// Draws slots in proportion to their weights.

internal import CKernels
internal import Foundations

/// A sum tree of fan-out 8 over float32 weights, indexed by slot. Update and draw are O(log₈
/// capacity) each. (Sum trees for prioritized replay: Schaul et al. 2016, §B.2.1.)
///
/// Each update recomputes nodes from their children, so errors do not accumulate. Draws and their
/// residuals are float64: with 10⁷ leaves a float32 draw could not reach each one.
final class PriorityTree {
  private let arena: Arena
  private let tree: rookery_tree
  private let path: rookery_tree_path
  let capacity: Int

  /// The largest weight; larger ones are lowered to it, so that the sum of 2³¹ weights is finite in
  /// float32.
  static let weightMax: Float = 1e28

  /// `portable` uses no SIMD; it chooses the same slots.
  init(capacity: Int, portable: Bool = false) throws(ReplayStoreError) {
    var tree = rookery_tree()
    let count = rookery_tree_layout(&tree, capacity)
    arena = try Arena(byteCount: count * MemoryLayout<Float>.stride)
    tree.nodes = arena.bound(to: Float.self)
    self.tree = tree
    path = portable ? ROOKERY_TREE_PORTABLE : rookery_tree_best_path()
    self.capacity = capacity
  }

  static func byteCount(capacity: Int) -> Int {
    var tree = rookery_tree()
    return rookery_tree_layout(&tree, capacity) * MemoryLayout<Float>.stride
  }

  /// The sum of all weights.
  var total: Double { withTree { rookery_tree_total($0) } }

  func weight(at slot: Int) -> Float { tree.nodes[slot] }

  /// Sets weights in order; if a slot occurs twice, the last weight wins. Weights are finite and
  /// not negative.
  func update(_ slots: UnsafePointer<UInt32>, _ weights: UnsafePointer<Float>, count: Int) {
    withTree { rookery_tree_update($0, slots, weights, count) }
  }

  /// Sets the weights of a range of slots to 0.
  func clear(_ range: Range<Int>) {
    withTree { rookery_tree_clear($0, range.lowerBound, range.count) }
  }

  /// Draws `count` slots by stratified sampling: draw i is uniform in [i, i + 1) · total / count.
  /// The total must be positive.
  func draw(
    _ count: Int, generator: inout SeededGenerator, slots: UnsafeMutablePointer<UInt32>,
    weights: UnsafeMutablePointer<Float>
  ) {
    let stratum = total / Double(count)
    precondition(stratum > 0, "a draw from a tree without mass")
    withUnsafeTemporaryAllocation(of: Double.self, capacity: count) { targets in
      for index in 0..<count { targets[index] = (Double(index) + generator.uniform()) * stratum }
      withTree { rookery_tree_descend($0, path, targets.baseAddress!, slots, weights, count) }
    }
  }

  private func withTree<R>(_ body: (UnsafePointer<rookery_tree>) -> R) -> R {
    withUnsafePointer(to: tree, body)
  }
}

extension PriorityTree {
  /// The largest relative difference between a node and the float64 sum of its children; for tests.
  func worstSumError() -> Double {
    var worst = 0.0
    withTree { tree in
      let offsets = withUnsafeBytes(of: tree.pointee.offsets) { Array($0.bindMemory(to: Int.self)) }
      for level in 1..<max(tree.pointee.level_count, 1) {
        let children = tree.pointee.nodes + offsets[level - 1]
        let parents = tree.pointee.nodes + offsets[level]
        for parent in 0..<(offsets[level] - offsets[level - 1]) / 8 {
          let sum = (0..<8).reduce(0.0) { $0 + Double(children[parent * 8 + $1]) }
          let difference = abs(sum - Double(parents[parent]))
          if difference > 0 { worst = max(worst, difference / max(sum, .leastNormalMagnitude)) }
        }
      }
    }
    return worst
  }
}
