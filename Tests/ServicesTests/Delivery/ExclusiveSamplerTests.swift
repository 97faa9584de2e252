// Sampling from a shard of one's own.

import Experience
import Foundations
import Testing
import Wire

@testable import Services

@Suite struct ExclusiveSamplerTests {
  private static func fleet(shards: Int) throws -> ShardFleet {
    let fleet = try ShardFleet(
      shards: shards, batch: 16, batches: 2, inFlight: 2, isExclusive: true, seed: 7)
    for shard in 0..<shards { fleet.insert((0..<40).map { Float(shard + 1 + $0 % 3) }, into: shard) }
    fleet.sampler.beginSearch(at: 1, now: fleet.now)
    return fleet
  }

  /// Probabilities, mass and N are those of the shard; no totals are exchanged.
  @Test func aBatchIsOfOneShardAlone() throws {
    let fleet = try Self.fleet(shards: 3)
    let masses = (0..<3).map { shard in (0..<40).reduce(0.0) { $0 + Double(shard + 1 + $1 % 3) } }
    for _ in 0..<20 {
      let batch = try #require(fleet.batch())
      #expect(batch.itemCount == 40 && abs(batch.mass - masses[1]) < 1e-3)
      for row in 0..<batch.rows {
        let (shard, item) = ShardFleet.name(batch, row)
        #expect(shard == 1)
        #expect(abs(Double(batch.probabilities[row]) - Double(2 + item % 3) / masses[1]) < 1e-6)
      }
      fleet.release(batch)
    }
    #expect(fleet.totalsSent == 0)
    #expect(fleet.shards.map { $0.learnerLabel(now: fleet.now) } == [nil, "s", nil])
    #expect(fleet.sampler.heldShardNumber == 2)
  }

  /// The shard is gone: batches that it owes come from the next one, with its probabilities.
  @Test(arguments: [false, true]) func anotherShardTakesOver(isSilent: Bool) throws {
    let fleet = try Self.fleet(shards: 2)
    fleet.passBatches()
    if isSilent { fleet.silent = [1] } else { fleet.list([0]) }
    fleet.passBatches()
    for _ in 0..<10 {
      let batch = try #require(fleet.batch())
      let mass = (0..<40).reduce(0.0) { $0 + Double(1 + $1 % 3) }
      #expect(batch.itemCount == 40 && abs(batch.mass - mass) < 1e-3)
      for row in 0..<batch.rows {
        let (shard, item) = ShardFleet.name(batch, row)
        #expect(shard == 0 && abs(Double(batch.probabilities[row]) - Double(1 + item % 3) / mass) < 1e-6)
      }
      fleet.release(batch)
    }
    // The former shard is free for others.
    fleet.silent = []
    #expect(fleet.shards[1].learnerLabel(now: fleet.now) == nil)
    #expect(fleet.sampler.heldShard == ShardFleet.peer(0))
  }

  /// A restarted shard is its learner's again, and priorities of its former items do not reach it.
  @Test func aRestartedShardIsTakenAgain() throws {
    let fleet = try Self.fleet(shards: 2)
    let batch = try #require(fleet.batch())
    try fleet.restart(1)
    fleet.insert((0..<40).map { _ in 1 }, into: 1)
    fleet.update(batch, (0..<batch.rows).map { _ in 5 })
    fleet.release(batch)
    let before = fleet.updated[1].count
    fleet.passBatches()
    fleet.passBatches()
    let next = try #require(fleet.batch())
    #expect(ShardFleet.name(next, 0).shard == 1 && fleet.sampler.heldShardNumber == 2)
    #expect(fleet.updated[1].count == before)
    #expect(fleet.shards[1].learnerLabel(now: fleet.now) == "s")
    #expect(fleet.shards[1].counters.prioritiesApplied == 0)
  }
}
