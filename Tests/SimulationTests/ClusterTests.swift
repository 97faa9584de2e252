// Whole runs with faults, from seeds.

import Experience
import Foundations
import Simulator
import Testing
import TestSupport

@Suite struct ClusterTests {
  @Test(arguments: Seeds.list(count: 400))
  func everythingHoldsAndGoesOn(seed: UInt64) {
    let cluster = Cluster(seed: seed)
    cluster.run()
    #expect(cluster.violations.isEmpty, "seed \(seed): \(cluster.summary); \(Seeds.replay(seed))")
  }

  /// Each learner has a shard of its own: no two hold one for long, in the end each has one if
  /// there are enough, and all writers are at shards with a learner.
  @Test(arguments: Seeds.list(count: 100))
  func eachLearnerHasItsShard(seed: UInt64) {
    let cluster = Cluster(seed: seed, isOwn: true)
    cluster.run()
    #expect(cluster.violations.isEmpty, "seed \(seed): \(cluster.summary); \(Seeds.replay(seed))")
  }

  /// Actors are paced for a bound on staleness: nothing older is trained on under loss, crash and
  /// partition, the run goes on after them, and without faults nothing gets too old.
  @Test(arguments: Seeds.list(count: 200))
  func nothingOlderThanItsBoundIsTrainedOn(seed: UInt64) {
    let cluster = Cluster(seed: seed, isPaced: true)
    cluster.run()
    #expect(cluster.violations.isEmpty, "seed \(seed): \(cluster.summary); \(Seeds.replay(seed))")
  }

  /// One actor acts ten times as fast as the other. Paced, each stream's part of what is trained on
  /// is its part of what was made. If what is too old is dropped, it is not: the slow one's items
  /// are older when they are complete.
  @Test(arguments: [1, 2, 3] as [UInt64], [StalenessBound.Keeping.pace, .drop])
  func partsOfUnlikeActors(seed: UInt64, keeping: StalenessBound.Keeping) {
    let cluster = Cluster(seed: seed, unequal: keeping)
    let items = cluster.itemsOfStreams(updates: 1500)
    #expect(cluster.violations.isEmpty, "seed \(seed): \(cluster.summary); \(cluster.violations)")
    let statistic = Statistics.chiSquared(observed: items.trained, proportionalTo: items.made)
    print("seed \(seed), \(keeping): made \(items.made), trained on \(items.trained), χ² \(statistic)")
    // 3 degrees of freedom, p = 0.001.
    #expect(keeping == .pace ? statistic < 16.27 : statistic > 16.27, "\(items)")
  }

  /// A seed determines everything: the same run again, to the last frame.
  @Test(arguments: [3, 8] as [UInt64])
  func aSeedRepeatsItsRun(seed: UInt64) {
    let runs = (0..<2).map { _ in
      let cluster = Cluster(seed: seed)
      cluster.run()
      return cluster.summary
    }
    #expect(runs[0] == runs[1])
  }
}
