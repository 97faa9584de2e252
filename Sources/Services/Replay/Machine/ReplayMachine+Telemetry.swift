// The replay machine's telemetry.

public import Foundations
internal import ReplayStore

extension ReplayMachine {
  /// Values by the metrics' names.
  public func telemetry(now: Instant) -> [String: Double] {
    let statistics = store.statistics
    var values: [Metric: Double] = [
      .steps: Double(statistics.steps),
      .capacity: Double(configuration.store.capacity),
      .steps_evicted_total: Double(statistics.stepsEvicted),
      .steps_damaged_total: Double(store.damage.steps),
      .items_damaged_total: Double(store.damage.items),
      .files_damaged: Double(filesDamaged),
      .steps_in_doubt: Double(store.stepsInDoubt),
      .writers: Double(writers.count),
      .samplers: Double(samplers.count),
      .has_learner: learnerLabel(now: now) != nil || configuration.exclusiveTable == nil && samplers.count > 0
        ? 1 : 0,
      .learners_total: Double(counters.learners),
      .messages_committed_total: Double(counters.messagesCommitted),
      .messages_repeated_total: Double(counters.messagesRepeated),
      .messages_ahead_total: Double(counters.messagesAhead),
      .messages_refused_total: Double(counters.messagesRefused),
      .batches_warming: Double(prefetch.count),
      .items_drawn_anew_total: Double(counters.itemsRedrawn),
      .messages_without_room_total: Double(counters.messagesWithoutRoom),
      .messages_blocked_total: Double(counters.messagesBlocked),
      .messages_over_quota_total: Double(counters.messagesOverQuota),
      .messages_over_budget_total: Double(counters.messagesOverBudget),
      .messages_waiting: Double(waitingInserts.count),
      .message_bytes_waiting: Double(waitingInserts.bytes),
      .batches_served_total: Double(counters.batchesServed),
      .batches_undelivered_total: Double(counters.batchesUndelivered),
      .requests_repeated_total: Double(counters.requestsRepeated),
      .requests_of_gone_total: Double(counters.requestsOfGone),
      .tap_messages_total: Double(tap?.published ?? 0),
      .peers_replaced_total: Double(counters.peersReplaced),
      .requests_waiting: Double(waitingSamples.count),
      .priorities_applied_total: Double(counters.prioritiesApplied),
      .priorities_gone_total: Double(counters.prioritiesGone),
      .priorities_refused_total: Double(counters.prioritiesRefused),
      .malformed_total: Double(counters.malformed),
      .steps_inserted_total: Double(counters.steps),
      .items_inserted_total: Double(counters.items),
      .items_stale_total: Double(counters.itemsStale),
      .items_outdated_total: Double(counters.itemsOutdated.values.reduce(0, +)),
      .steps_granted_total: Double(counters.stepsGranted),
      .steps_ungranted_total: Double(pacer?.ungranted ?? 0),
      .steps_outstanding: Double(pacer?.outstanding ?? 0),
      .actors_waiting: Double(pacer?.waiting ?? 0),
      .inserts_blocked_s: waitingInserts.block.map { (now - $0.since).seconds } ?? 0,
      .samples_blocked_s: waitingSamples.first.map { (now - $0.since).seconds } ?? 0,
    ]
    for table in statistics.tables {
      values[.items] = (values[.items] ?? 0) + Double(table.size)
      values[.items_evicted_unsampled_total] =
        (values[.items_evicted_unsampled_total] ?? 0) + Double(table.itemsEvictedUnsampled)
      values[.priorities_clipped_total] =
        (values[.priorities_clipped_total] ?? 0) + Double(table.prioritiesClipped)
      values[.samples_total] = (values[.samples_total] ?? 0) + Double(table.itemsSampled)
    }
    return values.named
  }
}
