// Draws items by the rank of their priority.

internal import Foundations

/// P(i) ∝ 1 / rank(i)^α; rank 1 is the largest priority (Schaul et al. 2016, §3.3). It depends
/// neither on the priorities' scale nor on outliers. Update O(1), draw O(log N).
///
/// *Differs from the source:*
/// * Ranks are always those of the current priorities (there: of a heap that is sorted from time to
///   time).
/// * Draws use the exact rank weights (there: k segments of equal probability).
/// * Items of equal priority share the probability of their ranks, so it does not depend on where
///   they lie. "Equal" means within 0.05 %, see `RankBuckets`; `RankDistribution` says how exact
///   the weights are.
///
/// A class, so that copying a selector copies one reference.
final class RankSelector: ItemSelector {
  let buckets: RankBuckets
  let distribution: RankDistribution

  init(exponent: Double, capacity: Int) throws(ReplayStoreError) {
    buckets = try RankBuckets(capacity: capacity)
    distribution = RankDistribution(exponent: exponent)
  }

  func assign(_ slots: UnsafePointer<UInt32>, _ priorities: UnsafePointer<Float>, count: Int) {
    buckets.assign(slots, priorities, count: count)
  }

  func remove(_ range: Range<Int>) { buckets.remove(range) }

  func mass(of set: SlotSet) -> Double { distribution.sum(set.count) }

  /// Stratified: draw i of k is uniform in the i-th of k equal parts of the sum. The rest of a draw
  /// within its group of equals selects the member.
  func select(from set: SlotSet, oldest: Int, generator: inout SeededGenerator, into selection: Selection)
    -> Double
  {
    let mass = distribution.sum(buckets.count)
    let stratum = mass / Double(selection.count)
    var group = RankBuckets.Group()
    var groupStart = 0.0
    var groupMass = 0.0
    var weight: Float = 0
    buckets.collect(selection.count, into: selection.slots) { draw in
      let target = (Double(draw) + generator.uniform()) * stratum
      let rank = distribution.rank(at: target, count: buckets.count) - 1
      // Targets increase, so the next draw often falls into the same group.
      if rank < group.before || rank >= group.before + group.count {
        group = buckets.group(at: rank)
        groupMass = distribution.sum(after: group.before, count: group.count)
        groupStart = group.count == 1 ? 0 : distribution.sum(group.before)
        weight = max(Float(groupMass / Double(group.count)), .leastNormalMagnitude)
      }
      selection.weights[draw] = weight
      if group.count == 1 { return (group.bucket, 0) }
      let member = (target - groupStart) / groupMass * Double(group.count)
      return (group.bucket, member < Double(group.count) ? max(0, Int(member)) : group.count - 1)
    }
    return mass
  }
}
