// The tables of a run, and their limits.

internal import Experience

extension RunConfiguration {
  /// The tables of the run: those of `replay.tables`, or the one that the algorithm needs.
  public var tables: [ReplayTableConfiguration] {
    replay.tables.isEmpty ? [ownTable] : replay.tables
  }

  /// The one table that the keys of `replay` and `algorithm` describe.
  private var ownTable: ReplayTableConfiguration {
    ReplayTableConfiguration(name: learner.table, replay: replay, algorithm: algorithm, learner: learner)
  }

  var itemsPerMessage: Int { itemsPerMessage(of: ownTable) }
  var errorBufferMin: Double { errorBufferMin(of: ownTable) }

  /// `errorBuffer(of:)` for the one table of a run without `replay.tables`.
  public var errorBuffer: Double { errorBuffer(of: ownTable) }

  /// The table that learners sample from; nil if no table has that name.
  public var learnersTable: ReplayTableConfiguration? {
    tables.first { $0.name == learner.table }
  }

  /// Most items that one message can complete for a table.
  ///
  /// Transitions: one per step of the message, and those that earlier steps of each environment
  /// left open, up to n each: one step that ends an episode completes them all. Sequences that
  /// cross episodes: one per period of each environment, and one more. Other kinds: one per step,
  /// and one per environment.
  public func itemsPerMessage(of table: ReplayTableConfiguration) -> Int {
    let (steps, open) =
      switch (table.kind, table.episodes) {
      case (.transition, _): (actor.messageSteps, table.nStep)
      case (.sequence, .cross): (actor.messageSteps / table.period, 1)
      case (.sequence, .pad), (.record, _): (actor.messageSteps, 1)
      }
    let (items, overflow) = actor.environments.multipliedReportingOverflow(by: open)
    return overflow ? .max : steps.addingSaturating(items)
  }

  /// Smallest error buffer with which a table's rate limiter cannot deadlock:
  /// max(largest batch, SPI × items per message).
  ///
  /// An insert of k items raises the error by SPI·k, a sample of B items lowers it by B. Both are
  /// blocked at once only if the range is narrower than B + SPI·k. The first inserts, up to the
  /// minimum size, need SPI·k above the middle of the range.
  public func errorBufferMin(of table: ReplayTableConfiguration) -> Double {
    max(Double(table.batchMax), table.rateLimiter.samplesPerInsert * Double(itemsPerMessage(of: table)))
  }

  /// Learners that sample from one shard.
  private var learnersOfShard: Int {
    switch replay.binding {
    case .shared: learner.replicas
    case .own: 1
    }
  }

  /// The error buffer that a table's rate limiter uses: the configured one, or, if that is 0, the
  /// largest of `errorBufferMin`, the items of all requests in flight, and SPI × minimum size / 10.
  public func errorBuffer(of table: ReplayTableConfiguration) -> Double {
    let limiter = table.rateLimiter
    if limiter.errorBuffer > 0 { return limiter.errorBuffer }
    let requests = Double(learner.samplesInFlight) * Double(max(1, learnersOfShard))
    let inFlight = table.name == learner.table ? Double(itemsPerRequest) * requests : 0
    return max(
      errorBufferMin(of: table), inFlight, 0.1 * limiter.samplesPerInsert * Double(limiter.minSize))
  }
}

extension RunConfiguration {
  /// Conflicts of the tables of `replay.tables`, and of the table that learners sample.
  var tableConflicts: [ConfigurationConflict] {
    var conflicts: [ConfigurationConflict] = []
    func refuse(_ keys: [String], expected: String, found: String, advice: String) {
      conflicts.append(
        ConfigurationConflict(keys: keys, expected: expected, found: found, advice: advice))
    }
    if replay.tables.count > ReplayTableConfiguration.countMax {
      refuse(
        ["replay.tables"], expected: "at most \(ReplayTableConfiguration.countMax) tables",
        found: "\(replay.tables.count)", advice: "remove some")
    }
    if learner.replicas > 0, learnersTable?.kind != algorithm.tableKind {
      refuse(
        ["learner.table", "replay.tables.\(learner.table).kind"],
        expected:
          "a table of replay.tables of kind \(algorithm.tableKind), which learners of \(algorithm.name.rawValue) sample",
        found: learnersTable.map { "'\(learner.table)' of kind \($0.kind.rawValue)" }
          ?? "none named '\(learner.table)'",
        advice: "name one, or set learner.replicas: 0 for a run without learners")
    }
    for table in replay.tables { conflicts += self.conflicts(of: table) }
    return conflicts
  }

  private func conflicts(of table: ReplayTableConfiguration) -> [ConfigurationConflict] {
    var conflicts: [ConfigurationConflict] = []
    func require(_ isRight: Bool, _ key: String, _ others: [String], _ expected: String, _ found: String) {
      guard !isRight else { return }
      let prefix = "replay.tables.\(table.name)."
      conflicts.append(
        ConfigurationConflict(
          keys: [prefix + key] + others.map { $0.contains(".") ? $0 : prefix + $0 }, expected: expected,
          found: found, advice: "change it, or a value that it depends on"))
    }
    let (limiter, capacity) = (table.rateLimiter, replay.capacity)
    let (stepsPerItem, spanKey, span) =
      switch (table.kind, table.episodes) {
      case (.transition, _): (2, "n_step", table.nStep + 1)
      case (.sequence, .cross): (table.period, "length", table.length)
      case (.sequence, .pad): (1, "length", table.length)
      case (.record, _): (1, "kind", 1)
      }
    require(
      limiter.minSize <= capacity / stepsPerItem, "rate_limiter.min_size", ["replay.capacity"],
      "at most \(capacity / stepsPerItem), the number of items that replay.capacity steps always make: with fewer items than "
        + "min_size nothing is ever sampled", "\(limiter.minSize)")
    require(
      span <= capacity, spanKey, ["replay.capacity"], "items of at most replay.capacity (\(capacity)) steps",
      "\(span)")
    require(
      table.maxItems == 0 || table.maxItems >= limiter.minSize, "max_items", ["rate_limiter.min_size"],
      "at least rate_limiter.min_size (\(limiter.minSize)), or 0 for no limit", "\(table.maxItems)")
    require(
      table.name != learner.table || learner.replicas == 0 || table.batchMax >= itemsPerRequest, "batch_max",
      ["algorithm.batch", "learner.batches_per_request"],
      "at least \(itemsPerRequest), which a learner's request asks for", "\(table.batchMax)")
    guard limiter.samplesPerInsert > 0 else { return conflicts }
    require(
      limiter.errorBuffer == 0 || limiter.errorBuffer >= errorBufferMin(of: table),
      "rate_limiter.error_buffer",
      ["rate_limiter.samples_per_insert", "batch_max", "actor.message_steps", "actor.environments"],
      "0 to have it computed, or at least \(YAMLText.number(errorBufferMin(of: table))) = max(batch_max, samples_per_insert × "
        + "\(itemsPerMessage(of: table)) items a message), as a narrower range deadlocks",
      YAMLText.number(limiter.errorBuffer))
    require(
      table.maxTimesSampled == 0 || Double(table.maxTimesSampled) >= limiter.samplesPerInsert,
      "max_times_sampled", ["rate_limiter.samples_per_insert"],
      "at least rate_limiter.samples_per_insert (\(YAMLText.number(limiter.samplesPerInsert))), as the limiter deadlocks if items "
        + "are removed before they are sampled that many times, or 0", "\(table.maxTimesSampled)")
    return conflicts
  }
}
