// Selectors and limits that cannot work together.

internal import Experience

extension ReplayTableConfiguration {
  /// Whether the table is a queue: each item is sampled once, in order, and none is lost unread.
  public var isQueue: Bool { sampler == .fifo && maxTimesSampled == 1 }
}

extension RunConfiguration {
  var selectorConflicts: [ConfigurationConflict] {
    tables.flatMap { table in
      selectorConflicts(of: table, prefix: replay.tables.isEmpty ? "replay." : "replay.tables.\(table.name).")
    }
  }

  private func selectorConflicts(of table: ReplayTableConfiguration, prefix: String)
    -> [ConfigurationConflict]
  {
    var conflicts: [ConfigurationConflict] = []
    func refuse(_ keys: [String], expected: String, found: String, advice: String) {
      conflicts.append(
        ConfigurationConflict(
          keys: keys.map { prefix + $0 }, expected: expected, found: found, advice: advice))
    }
    if table.remover != .fifo, table.maxItems == 0 {
      refuse(
        ["remover", "max_items"],
        expected:
          "fifo: without max_items, items are removed only when their steps are evicted, oldest first",
        found: table.remover.rawValue, advice: "set \(prefix)max_items, or remove \(prefix)remover")
    }
    guard table.isQueue else { return conflicts }
    let rate = table.rateLimiter.samplesPerInsert
    if rate > 0, rate < 1 {
      refuse(
        ["rate_limiter.samples_per_insert", "sampler", "max_times_sampled"],
        expected:
          "0 or 1, as with fifo and max_times_sampled 1 every item is sampled once: in between, unsampled items "
          + "accumulate until inserts block",
        found: YAMLText.number(rate), advice: "set 1, or 0 for no limit")
    }
    let needed = itemsMin(ofQueue: table)
    if table.maxItems > 0, Double(table.maxItems) < needed {
      refuse(
        ["max_items"],
        expected:
          "at least \(YAMLText.number(needed)), as a queue (fifo, max_times_sampled 1) must hold the items of a request and a "
          + "whole message (\(itemsPerMessage(of: table)) items), else inserts and samples block each other",
        found: "\(table.maxItems)", advice: "raise it, or 0 for no limit")
    }
    return conflicts
  }

  /// The smallest `maxItems` with which a queue can always serve a request.
  private func itemsMin(ofQueue table: ReplayTableConfiguration) -> Double {
    let limiter = table.rateLimiter
    let errorMin =
      limiter.samplesPerInsert > 0
      ? limiter.samplesPerInsert * Double(limiter.minSize) - errorBuffer(of: table) : 0
    let served = max(Double(limiter.minSize), Double(table.batchMax) + max(0, errorMin))
    return served + Double(itemsPerMessage(of: table)) - 1
  }
}
