// A learner's counters.

internal import Algorithms
internal import Experience
internal import Foundations
internal import Wire

/// Counters of a learner since its start; `updates` also counts those of its checkpoint.
struct LearnerStatistics {
  /// Updates of this learner, those of earlier incarnations included.
  var updates: UInt64 = 0
  /// Milestones that the rule was given.
  var milestones: UInt64 = 0
  /// The warning that the target network follows each publication has been given.
  var isTargetEarly = false
  /// The updates of the last saved checkpoint.
  var updatesSaved: UInt64 = 0
  var checkpointFailures: UInt64 = 0
  /// Batches that could not be trained on.
  var batchesRefused: UInt64 = 0
  /// Batches whose loss or gradient was not finite.
  var batchesNotFinite: UInt64 = 0
  /// Rows that were left out because they were known to be at fault.
  var rowsLeftOut: UInt64 = 0
  /// Batches that held only such rows.
  var batchesSkipped: UInt64 = 0
  /// Rows that were too old for the weights, and batches that held only such rows.
  var rowsOutdated: UInt64 = 0
  var batchesOutdated: UInt64 = 0
  /// Staleness of the rows that were trained on.
  private(set) var trainedStaleness = StalenessCounts()
  var hasDiverged = false
  /// Moving means of the rule's metrics.
  private(set) var metrics: [Double]
  /// Published version minus the version that acted: mean over recent batches.
  private(set) var staleness = 0.0
  private(set) var waiting = Instant.Span.zero
  private(set) var training = Instant.Span.zero
  private var waitingSince: Instant?
  private var firstBatchAt: Instant?

  init(metricCount: Int) { metrics = Array(repeating: 0, count: metricCount) }

  mutating func record(
    _ measured: [Float], versions: UnsafeBufferPointer<UInt64>, version: UInt64, bound: StalenessBound?,
    started: Instant, done: Instant
  ) {
    updates += 1
    training = training + (done - started)
    let rate = min(1, max(0.01, 1 / Double(updates)))
    for index in metrics.indices { metrics[index] += rate * (Double(measured[index]) - metrics[index]) }
    var ages = 0.0
    for sampled in versions {
      let age = version &- min(version, sampled)
      ages += Double(age)
      // Others had no weight.
      if bound?.leavesOut(sampled, at: version) != true { trainedStaleness.record(age) }
    }
    staleness += rate * (ages / Double(max(1, versions.count)) - staleness)
  }

  mutating func startWaiting(now: Instant) {
    // Before the first batch the replay may not have enough items.
    if waitingSince == nil, firstBatchAt != nil { waitingSince = now }
  }

  mutating func stopWaiting(now: Instant) {
    if firstBatchAt == nil { firstBatchAt = now }
    if let since = waitingSince { waiting = waiting + (now - since) }
    waitingSince = nil
  }

  /// The fraction of the time since the first batch that was spent without one.
  func waitingFraction(now: Instant) -> Double {
    guard let first = firstBatchAt, now > first else { return 0 }
    let open = waitingSince.map { (now - $0).seconds } ?? 0
    return (waiting.seconds + open) / (now - first).seconds
  }
}

extension LearnerMachine {
  /// There is something new to save, and it is good.
  var hasCheckpoint: Bool {
    !statistics.hasDiverged && !faults.areWeightsInDoubt && statistics.updates > statistics.updatesSaved
      && member.hasWeights
  }

  var malformed: UInt64 { sampler.samplerCounters.malformed + member.counters.malformed }

  func telemetry(now: Instant) -> [String: Double] {
    let sampled = sampler.samplerCounters
    let trained = statistics.trainedStaleness.summary
    let own: [Metric: Double] = [
      .updates_total: Double(statistics.updates),
      .learner_index: Double(member.index ?? 0),
      .weights_version: Double(member.version),
      .weights_clock: clock.updates,
      .staleness_versions: statistics.staleness,
      .waiting_share: statistics.waitingFraction(now: now),
      .training_s_total: statistics.training.seconds,
      .target_copies_total: Double(statistics.milestones),
      .checkpoint_failures_total: Double(statistics.checkpointFailures),
      .diverged: statistics.hasDiverged ? 1 : 0,
      .batches_refused_total: Double(statistics.batchesRefused),
      .batches_not_finite_total: Double(statistics.batchesNotFinite),
      .rows_left_out_total: Double(statistics.rowsLeftOut),
      .batches_left_out_total: Double(statistics.batchesSkipped),
      .rows_known_not_finite: Double(faults.count),
      .rows_outdated_total: Double(statistics.rowsOutdated),
      .batches_outdated_total: Double(statistics.batchesOutdated),
      .staleness_bound: configuration.staleness.map { Double($0.max) } ?? -1,
      .trained_staleness_mean: trained.mean,
      .trained_staleness_p99: Double(trained.p99),
      .trained_staleness_max: Double(trained.max),
      .batches_total: Double(sampler.counters.batches),
      .requests_repeated_total: Double(sampled.requestsRepeated),
      .priorities_dropped_total: Double(sampled.prioritiesDropped),
      .shares_moved_total: Double(sampler.counters.slicesMoved),
      .rows_moved_total: Double(sampler.counters.rowsMoved),
      .shards: Double(sampler.shardCount(now: now)),
      .shard: Double(sampler.heldShardNumber),
      .changes_merged_total: Double(member.counters.changesMerged),
      .changes_repeated_total: Double(member.counters.changesRepeated),
      .updates_merged_total: Double(member.counters.updatesMerged),
      .gradients_dropped_total: Double(member.counters.gradientsDropped),
      .answers_waited_s_total: member.counters.waited.seconds,
      .answers_doubted_total: Double(member.counters.impossible),
    ]
    var values = own.named
    for (name, value) in zip(rule.metricNames, statistics.metrics) { values[name] = value }
    for (name, value) in zip(rule.scheduledNames, rule.scheduled) { values[name] = value }
    return values
  }
}
