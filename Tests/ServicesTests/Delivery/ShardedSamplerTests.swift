// Sampling from several shards has the distribution of one store, also while shards come and go.

import Algorithms
import Experience
import Foundations
import Glibc
import ReplayStore
import Testing

@testable import Services

@Suite struct ShardedSamplerTests {
  /// Raw priorities of each shard; counts and masses of the shards differ widely.
  private static func priorities(shards: Int) -> [[Float]] {
    (0..<shards).map { shard in
      (0..<[7, 40, 3, 25][shard]).map { Float(1 + $0 % 5) * [1, 0.25, 20, 2][shard] }
    }
  }

  private func fleet(_ priorities: [[Float]], batch: Int = 32, batches: Int = 1, seed: UInt64) throws
    -> ShardFleet
  {
    let fleet = try ShardFleet(shards: priorities.count, batch: batch, batches: batches, seed: seed)
    for (shard, values) in priorities.enumerated() { fleet.insert(values, into: shard) }
    return fleet
  }

  /// χ² of the draws against P(i) = pᵢ / Σp over all shards. There are at most 74 degrees of
  /// freedom, and 135 is beyond α = 10⁻⁵. If every shard served alike it would be thousands.
  @Test(arguments: [1, 2, 4])
  func drawsMatchOneStore(shards: Int) throws {
    let priorities = Self.priorities(shards: shards)
    let fleet = try fleet(priorities, seed: 11)
    let mass = priorities.joined().reduce(0, +)
    var counts = priorities.map { $0.map { _ in 0 } }
    let draws = 1500
    // The masses may be unknown at the first split; they are known from the second on.
    for draw in 0..<draws + 1 {
      let batch = try #require(fleet.batch())
      if draw > 0 {
        for row in 0..<batch.rows {
          let name = ShardFleet.name(batch, row)
          counts[name.shard][name.item] += 1
          let expected = priorities[name.shard][name.item] / mass
          #expect(abs(batch.probabilities[row] - expected) < 1e-5 * expected + 1e-7)
        }
        #expect(abs(batch.mass - Double(mass)) < 1e-3 && batch.itemCount == UInt64(priorities.joined().count))
      }
      fleet.release(batch)
    }
    let rows = Double(draws * 32)
    var (found, wrong) = (0.0, 0.0)
    for shard in 0..<shards {
      for (item, priority) in priorities[shard].enumerated() {
        let expected = rows * Double(priority / mass)
        found += pow(Double(counts[shard][item]) - expected, 2) / expected
        let alike = rows * Double(priority / priorities[shard].reduce(0, +)) / Double(shards)
        wrong += pow(alike - expected, 2) / expected
      }
    }
    print("χ² of \(shards) shards: \(found); if all gave alike \(wrong)")
    #expect(found < 135)
    #expect(shards == 1 || wrong > 20 * 135)
  }

  /// NaN leaves a priority as it is, and an item of a released batch can still get 0.
  @Test(arguments: [1, 3])
  func somePrioritiesAreKept(batches: Int) throws {
    let fleet = try fleet(Self.priorities(shards: 2), batch: 8, batches: batches, seed: 13)
    let batch = try #require(fleet.batch())
    let name = ShardFleet.name(batch, 5)
    let row = try #require(batch.item(at: 5))
    #expect(row.key == batch.keys[5])
    fleet.update(batch, [Float](repeating: .nan, count: batch.rows))
    fleet.release(batch)
    fleet.zero([row])
    fleet.passBatches()
    fleet.passBatches()
    for _ in 0..<100 {
      let next = try #require(fleet.batch())
      for row in 0..<next.rows {
        #expect(ShardFleet.name(next, row) != name)
        #expect(next.probabilities[row].isFinite && next.probabilities[row] > 0)
      }
      fleet.release(next)
    }
  }

  /// The masses that the split uses are mostly wrong, up to 30-fold. Weighted by 1 / (N·P), the
  /// mean of each item is 1 / N even so. With P from the masses at the draw alone it would not be.
  @Test(arguments: [2, 4])
  func weightsAreRightWithStaleMasses(shards: Int) throws {
    let priorities = Self.priorities(shards: shards)
    let fleet = try fleet(priorities, seed: 12)
    fleet.passBatches()
    let draws = 2500
    let items = priorities.joined().count
    var (sums, squares) = (priorities.map { $0.map { _ in 0.0 } }, priorities.map { $0.map { _ in 0.0 } })
    var naive = sums
    for draw in 0..<draws {
      let batch = try #require(fleet.batch())
      var (weights, wrong) = (sums.map { $0.map { _ in 0.0 } }, sums.map { $0.map { _ in 0.0 } })
      // Every shard contributes rows, so the slices have all masses.
      let masses = batch.slices.map(\.mass)
      for row in 0..<batch.rows {
        let name = ShardFleet.name(batch, row)
        let slice = batch.slices[name.shard]
        let weight = 1 / (Double(items) * Double(batch.probabilities[row]))
        weights[name.shard][name.item] += weight
        wrong[name.shard][name.item] += weight * slice.fraction * masses.reduce(0, +) / slice.mass
      }
      for shard in 0..<shards {
        for item in priorities[shard].indices {
          let value = weights[shard][item] / Double(batch.rows)
          sums[shard][item] += value
          squares[shard][item] += value * value
          naive[shard][item] += wrong[shard][item] / Double(batch.rows)
        }
      }
      // After an answer, before the next split: shard 0 weighs up to 30 times as much, or as
      // before.
      let factor: Float = [1, 30, 5][draw % 3]
      fleet.setPriorities(priorities[0].map { $0 * factor }, of: 0)
      fleet.release(batch)
    }
    var (worst, worstNaive) = (0.0, 0.0)
    for shard in 0..<shards {
      for item in priorities[shard].indices {
        let mean = sums[shard][item] / Double(draws)
        let variance = squares[shard][item] / Double(draws) - mean * mean
        let deviation = (variance / Double(draws)).squareRoot()
        worst = max(worst, abs(mean - 1 / Double(items)) / deviation)
        worstNaive = max(worstNaive, abs(naive[shard][item] / Double(draws) - 1 / Double(items)) / deviation)
      }
    }
    print(
      "stale masses, \(shards) shards: worst item \(worst) standard errors off, without the split's fractions \(worstNaive)"
    )
    #expect(worst < 4.5)
    #expect(worstNaive > 10 * 4.5)
  }

  /// Importance weights of a batch over four shards are those of one store with all items.
  @Test func importanceWeightsAreThoseOfOneStore() throws {
    let priorities = Self.priorities(shards: 4)
    let fleet = try fleet(priorities, seed: 13)
    let all = priorities.flatMap { $0 }
    let one = proportionalProbabilities(priorities: all, alpha: 1)
    fleet.release(try #require(fleet.batch()))
    let batch = try #require(fleet.batch())
    var (weights, expected) = ([Float](repeating: 0, count: 32), [Float](repeating: 0, count: 32))
    _ = try weights.withUnsafeMutableBufferPointer {
      try ImportanceWeights.compute(
        probabilities: UnsafeBufferPointer(start: batch.probabilities, count: 32), beta: 0.7, into: $0)
    }
    let offsets = priorities.indices.map { priorities[..<$0].joined().count }
    let probabilities = (0..<32).map { row in
      let name = ShardFleet.name(batch, row)
      return one[offsets[name.shard] + name.item]
    }
    _ = try expected.withUnsafeMutableBufferPointer { expected in
      try probabilities.withUnsafeBufferPointer {
        try ImportanceWeights.compute(probabilities: $0, beta: 0.7, into: expected)
      }
    }
    for row in 0..<32 { #expect(abs(weights[row] - expected[row]) < 1e-5) }
  }

  /// If a request brings several batches, each priority still goes to the shard and key of its row.
  @Test(arguments: [1, 3]) func prioritiesGoBackToTheShardThatDrew(batches: Int) throws {
    let priorities = Self.priorities(shards: 4)
    let fleet = try fleet(priorities, batch: 30, batches: batches, seed: 14)
    fleet.release(try #require(fleet.batch()))
    let batch = try #require(fleet.batch())
    #expect(batch.rows == 30 * batches)
    var expected = (0..<4).map { _ in [Int]() }
    for row in 0..<batch.rows {
      let name = ShardFleet.name(batch, row)
      #expect(batch.keys[row] == UInt64(name.item))
      expected[name.shard].append(name.item)
    }
    fleet.update(batch, (0..<batch.rows).map { 500 + Float(ShardFleet.name(batch, $0).item) })
    for shard in 0..<4 { #expect(fleet.updated[shard].map(Int.init).sorted() == expected[shard].sorted()) }
    // The new priorities have an effect on the next draw.
    fleet.release(batch)
    fleet.passBatches()
    let next = try #require(fleet.batch())
    #expect(next.mass > 500)
  }

  /// A silent shard delays one batch by 2 s. Later batches come from the other shards, until it
  /// answers again.
  @Test func aShardThatIsGone() throws {
    let priorities = Self.priorities(shards: 3)
    let fleet = try fleet(priorities, seed: 15)
    fleet.release(try #require(fleet.batch()))
    fleet.release(try #require(fleet.batch()))
    fleet.silent = [2]
    // Uses up the batches that were drawn before the shard fell silent.
    let before = fleet.now
    var batch = try #require(fleet.batch())
    while fleet.sampler.counters.slicesMoved == 0 {
      fleet.release(batch)
      batch = try #require(fleet.batch())
    }
    let waited = (fleet.now - before).seconds
    #expect(waited > 1.5 && waited < 3, "\(waited)")
    #expect(fleet.sampler.counters.slicesMoved >= 1 && fleet.sampler.counters.rowsMoved >= 1)
    let mass = priorities[..<2].joined().reduce(0, +)
    for row in 0..<batch.rows {
      let name = ShardFleet.name(batch, row)
      #expect(name.shard < 2)
      #expect(abs(batch.probabilities[row] - priorities[name.shard][name.item] / mass) < 1e-5)
    }
    fleet.release(batch)
    // No batch waits for the silent shard any more.
    let later = fleet.now
    for _ in 0..<10 { fleet.release(try #require(fleet.batch())) }
    #expect((fleet.now - later).seconds < 0.2)
    fleet.silent = []
    var shards: Set<Int> = []
    for _ in 0..<600 where !shards.contains(2) {
      let batch = try #require(fleet.batch())
      for row in 0..<batch.rows { shards.insert(ShardFleet.name(batch, row).shard) }
      fleet.release(batch)
      fleet.step()
    }
    #expect(shards.contains(2))
  }

  /// A shard without items is not asked, and no batch waits for it; one that has some is used.
  @Test func shardsThatComeAndGo() throws {
    let fleet = try ShardFleet(shards: 3, batch: 8, seed: 16)
    fleet.list([0])
    fleet.insert([1, 1, 1, 1], into: 0)
    func shardsOfNext() throws -> Set<Int> {
      let batch = try #require(fleet.batch())
      defer { fleet.release(batch) }
      return Set((0..<batch.rows).map { ShardFleet.name(batch, $0).shard })
    }
    #expect(try shardsOfNext() == [0])
    fleet.list([0, 1, 2])
    for _ in 0..<5 { #expect(try shardsOfNext() == [0]) }
    fleet.insert([1, 1, 1, 1], into: 2)
    for _ in 0..<400 { fleet.step() }
    fleet.passBatches()
    for _ in 0..<5 { #expect(try shardsOfNext() == [0, 2]) }
    // The shard restarts empty.
    try fleet.restart(2)
    let before = fleet.now
    var last: Set<Int> = []
    for _ in 0..<6 { last = try shardsOfNext() }
    #expect(last == [0])
    #expect((fleet.now - before).seconds < 3)
    fleet.list([0])
    #expect(try shardsOfNext() == [0])
    fleet.list([1])
    while let batch = fleet.batch(within: 500) { fleet.release(batch) }
    fleet.insert([1, 1], into: 1)
    #expect(try shardsOfNext() == [1])
  }

  /// All shards limit on the totals of the fleet. A shard without writers is sampled beyond
  /// what its own inserts allow. The shard that all writers use may insert although few samples
  /// come from it. The fleet keeps the ratio, also after a shard restarts.
  @Test func shardsLimitTogether() throws {
    let limiter = RateLimiterConfiguration.ratio(samplesPerInsert: 2, minSize: 20, tolerance: 120)
    let fleet = try ShardFleet(shards: 2, batch: 16, limiter: limiter, seed: 17)
    for shard in 0..<2 { fleet.insert([Float](repeating: 1, count: 20), into: shard) }
    var samples = 0
    func turns(_ count: Int) {
      for _ in 0..<count {
        fleet.insert([Float](repeating: 1, count: 10), into: 0)
        for _ in 0..<60 {
          fleet.step()
          guard let batch = fleet.sampler.popBatch() else { continue }
          samples += batch.rows
          fleet.release(batch)
        }
      }
    }
    func inserted() -> Int {
      fleet.shards.reduce(0) { $0 + Int($1.store.statistics.tables[0].itemsInserted) }
    }
    turns(100)
    let inserts = inserted()
    #expect(inserts > 500)
    #expect(abs(2 * inserts - samples - 40) <= 120 + 64, "\(inserts) inserts, \(samples) samples")
    let table = fleet.shards[1].store.statistics.tables[0]
    print(
      "limits of two: \(inserts) inserts, \(samples) samples; the second took \(table.itemsInserted) and gave \(table.itemsSampled)"
    )
    #expect(Double(table.itemsSampled) > 2 * Double(table.itemsInserted) + 120)
    // The shard without writers restarts: the other goes on as before.
    let taken = Int(fleet.shards[0].store.statistics.tables[0].itemsInserted)
    try fleet.restart(1)
    let before = samples
    turns(100)
    let more = Int(fleet.shards[0].store.statistics.tables[0].itemsInserted) - taken
    print("after a restart of the second: \(more) more inserts, \(samples - before) more samples")
    #expect(more > 500 && abs(2 * more - (samples - before)) <= 240 + 64)
  }
}
