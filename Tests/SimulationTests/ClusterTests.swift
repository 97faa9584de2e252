// Whole runs with faults, from seeds.

import Foundations
import Simulator
import Testing
import TestSupport

@Suite struct ClusterTests {
  @Test(arguments: Seeds.list(count: 200))
  func everythingHoldsAndGoesOn(seed: UInt64) {
    let cluster = Cluster(seed: seed)
    cluster.run()
    #expect(cluster.violations.isEmpty, "seed \(seed): \(cluster.summary); \(Seeds.replay(seed))")
  }
}
