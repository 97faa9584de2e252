// The limiter's inequalities.

import Foundations
import ReplayStore
import Testing

@Suite struct RateLimiterTests {
  /// SPI 1.5, min size 2, range [−1, 3], as published for Reverb.
  @Test func golden() {
    var limiter = RateLimiter(
      configuration: RateLimiterConfiguration(samplesPerInsert: 1.5, minSize: 2, errorMin: -1, errorMax: 3))
    var size = 0
    func insert() -> Bool {
      guard limiter.canInsert(1, size: size) else { return false }
      limiter.didInsert(1)
      size += 1
      return true
    }
    func sample() -> Bool {
      guard limiter.canSample(1, size: size) else { return false }
      limiter.didSample(1)
      return true
    }
    #expect(insert())
    #expect(!sample())
    #expect(insert())
    #expect(limiter.error == 3)
    #expect(sample())
    #expect(limiter.error == 2)
    #expect(!insert())
    #expect(sample())
    #expect(limiter.error == 1)
    #expect(insert())
  }

  @Test func reasonsNameTheInequality() {
    var limiter = RateLimiter(
      configuration: RateLimiterConfiguration(samplesPerInsert: 2, minSize: 3, errorMin: -4, errorMax: 10))
    #expect(limiter.reasonInsertBlocked(5, size: 0) == nil)
    #expect(limiter.reasonSampleBlocked(1, size: 2) == "sample of 1: size 2 < 3 (min_size)")
    limiter.didInsert(4)
    #expect(
      limiter.reasonInsertBlocked(2, size: 4)
        == "insert of 2: (4 inserts + 2) × 2.0 − 0 samples = 12.0 > 10.0 (error_max), size 4 ≥ 3 (min_size)")
    #expect(
      limiter.reasonSampleBlocked(13, size: 4)
        == "sample of 13: 4 inserts × 2.0 − (0 samples + 13) = -5.0 < -4.0 (error_min)")
    #expect(limiter.canInsert(0, size: 4))
    #expect(limiter.canSample(12, size: 4))
  }

  @Test func deadlocksAreRefused() {
    func problem(
      _ configuration: RateLimiterConfiguration, batch: Int = 8, items: Int = 4, size: Int = 100
    ) -> String? {
      configuration.problem(batchSizeMax: batch, itemsPerMessageMax: items, sizeMax: size)
    }
    let wide = RateLimiterConfiguration(samplesPerInsert: 2, minSize: 10, errorMin: 0, errorMax: 16)
    #expect(problem(wide) == nil)
    #expect(problem(wide, batch: 9)!.contains("16.0 wide: expected at least 17.0"))
    #expect(problem(wide, items: 5)!.contains("expected at least 18.0"))
    #expect(problem(wide, size: 9)!.contains("min_size: expected at most 9"))
    #expect(problem(.unlimited()) == nil)
    #expect(problem(.unlimited(minSize: 0)) != nil)
    #expect(problem(.ratio(samplesPerInsert: 4, minSize: 10, tolerance: 12)) == nil)
    for spi in [0, -1, .nan, .infinity, 1e7] as [Double] {
      #expect(
        problem(RateLimiterConfiguration(samplesPerInsert: spi, minSize: 1, errorMin: 0, errorMax: 99)) != nil
      )
    }
    #expect(
      problem(RateLimiterConfiguration(samplesPerInsert: 1, minSize: 1, errorMin: .nan, errorMax: 9)) != nil)
    #expect(
      problem(RateLimiterConfiguration(samplesPerInsert: 1, minSize: 1, errorMin: 0, errorMax: 1e300))!
        .contains("within ±1e+28"))
    #expect(
      problem(RateLimiterConfiguration(samplesPerInsert: 1, minSize: 1, errorMin: 9, errorMax: 0)) != nil)
  }

  /// With every accepted range one side can always continue. A width of max(batch, SPI × items) is
  /// not enough.
  @Test func acceptedRangesNeverLock() {
    for items in 1...4 {
      for batch in 1...6 {
        for spi in [0.5, 1, 1.5, 3] {
          let width = spi * Double(items) + Double(batch)
          #expect(!locks(spi: spi, items: items, batch: batch, width: width))
        }
      }
    }
    #expect(locks(spi: 1, items: 4, batch: 4, width: 6))
  }

  /// Whether a reachable state (inserts, samples) admits neither a message nor a batch. Searches
  /// all of them.
  private func locks(spi: Double, items: Int, batch: Int, width: Double) -> Bool {
    struct State: Hashable {
      var inserts: Int
      var samples: Int
    }
    let limits = RateLimiterConfiguration(samplesPerInsert: spi, minSize: 3, errorMin: 0, errorMax: width)
    var seen: Set<State> = [State(inserts: 0, samples: 0)]
    var queue = Array(seen)
    while let state = queue.popLast() {
      if state.inserts > 24 { continue }
      var limiter = RateLimiter(configuration: limits)
      limiter.didInsert(state.inserts)
      limiter.didSample(state.samples)
      // Smaller messages and batches are possible too; the largest are the first to be blocked.
      let canInsert = limiter.canInsert(items, size: state.inserts)
      let canSample = limiter.canSample(batch, size: state.inserts)
      if !canInsert && !canSample { return true }
      for count in 1...items where limiter.canInsert(count, size: state.inserts) {
        let next = State(inserts: state.inserts + count, samples: state.samples)
        if seen.insert(next).inserted { queue.append(next) }
      }
      for count in 1...batch where limiter.canSample(count, size: state.inserts) {
        let next = State(inserts: state.inserts, samples: state.samples + count)
        if seen.insert(next).inserted { queue.append(next) }
      }
    }
    return false
  }

  /// The error stays, clamped to the new range.
  @Test func limitsChangeWhileItCounts() {
    var limiter = RateLimiter(
      configuration: RateLimiterConfiguration(samplesPerInsert: 2, minSize: 3, errorMin: 0, errorMax: 100))
    limiter.didInsert(40)
    limiter.didSample(50)
    #expect(limiter.error == 30)
    // Counted from the start, 40 inserts at 8 would be an error of 270, and inserts would be
    // blocked for a long time.
    limiter.change(
      to: RateLimiterConfiguration(samplesPerInsert: 8, minSize: 3, errorMin: 10, errorMax: 110))
    #expect(limiter.error == 30)
    #expect(limiter.canInsert(10, size: 40) && !limiter.canInsert(11, size: 40))
    #expect(limiter.canSample(20, size: 40) && !limiter.canSample(21, size: 40))
    #expect(
      limiter.reasonSampleBlocked(21, size: 40)
        == "sample of 21: 40 inserts × 8.0 − (50 samples + 21) − 240.0 carried over = 9.0 < 10.0 (error_min)"
    )
    limiter.change(
      to: RateLimiterConfiguration(samplesPerInsert: 1, minSize: 3, errorMin: 50, errorMax: 90))
    #expect(limiter.error == 50)
    limiter.change(to: RateLimiterConfiguration(samplesPerInsert: 1, minSize: 3, errorMin: -20, errorMax: 5))
    #expect(limiter.error == 5)
    limiter.change(to: .unlimited())
    #expect(limiter.error == 5)
    // Below the minimum size it counts from its start, whatever the order of changes.
    var young = RateLimiter(configuration: .unlimited(minSize: 100))
    young.didInsert(10)
    young.change(to: .ratio(samplesPerInsert: 4, minSize: 100, tolerance: 50))
    #expect(young.error == 40 && young.carried == 0)
  }

  @Test func aStoreTakesOtherLimitsUnlessTheyLock() throws {
    var table = transitionTable(1)
    (table.batchSizeMax, table.itemsPerMessageMax) = (2, 3)
    table.limiter = RateLimiterConfiguration(samplesPerInsert: 1, minSize: 2, errorMin: 0, errorMax: 5)
    let store = try ReplayStore(configuration: ReplayStoreConfiguration(capacity: 50, tables: [table]))
    // Before any schema is adopted.
    try store.change(
      limits: RateLimiterConfiguration(samplesPerInsert: 2, minSize: 2, errorMin: 0, errorMax: 8), table: 0)
    try store.adopt(schema: Message.schema)
    _ = try store.insert(
      Message().chunk(0, 0, flags: [0, 0, 0, 0]).item(0, 0, 2).item(0, 1, 2).item(0, 2, 2), writer: 0)
    #expect(store.statistics.tables[0].limiterError == 6)
    #expect(!store.canInsert(items: [2]))
    let before = store.limits
    func refused(_ limits: RateLimiterConfiguration, table: Int = 0) -> String {
      do throws(ReplayStoreError) {
        try store.change(limits: limits, table: table)
        return "taken"
      } catch { return error.description }
    }
    #expect(
      refused(RateLimiterConfiguration(samplesPerInsert: 2, minSize: 2, errorMin: 0, errorMax: 7)).contains(
        "table 'replay': error range [0.0, 7.0] is 7.0 wide: expected at least 8.0"))
    #expect(refused(.unlimited(minSize: 51)).contains("it could never be sampled"))
    #expect(refused(.unlimited(), table: 1) == "request: table: expected 0 to 0, found 1")
    #expect(store.limits == before && !store.canInsert(items: [2]))
    #expect(
      refused(RateLimiterConfiguration(samplesPerInsert: 2, minSize: 2, errorMin: 0, errorMax: 20)) == "taken"
    )
    #expect(store.canInsert(items: [7]) && !store.canInsert(items: [8]))
  }

  @Test func aStoreHonoursItsLimiter() throws {
    var table = transitionTable(1)
    table.batchSizeMax = 2
    table.itemsPerMessageMax = 3
    table.limiter = RateLimiterConfiguration(samplesPerInsert: 1, minSize: 2, errorMin: 0, errorMax: 5)
    let store = try makeStore(capacity: 50, table)
    func message(_ first: UInt64, items: Int) -> Message {
      let message = Message().chunk(0, first, flags: [0, 0, 0, 0])
      for item in 0..<items { message.item(0, first + UInt64(item), 2) }
      return message
    }
    _ = try store.insert(message(0, items: 1), writer: 0)
    #expect(store.canSample(table: 0, count: 1) == false)
    _ = try store.insert(message(4, items: 3), writer: 0)
    #expect(store.canInsert(items: [2]) == false)
    let before = store.statistics
    #expect(throws: ReplayStoreError.self) { try store.insert(message(8, items: 2), writer: 0) }
    #expect(throws: ReplayStoreError.self) {
      try store.insert(
        Message().chunk(0, 8, flags: [0, 0, 0, 0, 0, 0])
          .item(0, 8, 2).item(0, 9, 2).item(0, 10, 2).item(0, 11, 2), writer: 0)
    }
    #expect(store.statistics == before)
    // Steps without items are never held back.
    _ = try store.insert(message(8, items: 0), writer: 0)
    var draw = Draw()
    var generator = SeededGenerator(seed: 1)
    try store.sample(table: 0, count: 2, generator: &generator, into: &draw)
    #expect(draw.inserts == 4 && draw.samples == 2 && draw.itemCount == 4)
    #expect(throws: ReplayStoreError.self) {
      try store.sample(table: 0, count: 3, generator: &generator, into: &draw)
    }
    _ = try store.insert(message(12, items: 3), writer: 0)
    #expect(store.statistics.tables[0].limiterError == 5)
  }
}
