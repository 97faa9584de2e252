// The metrics that services report.

public import Wire

/// A counter (`…_total`, which never falls within an incarnation) or gauge that services report.
/// Cases have their names in messages, so that a search finds all code that writes or reads a
/// metric. `help` says what each means. Learning rules add metrics of their own
/// (`LearningRule.metricDescriptions`).
public enum Metric: String, CaseIterable, Sendable {
  /// Reported by every process.
  case resident_bytes, uptime_s, cpu_s_total, pid, ended
  case weights_version, malformed_total, strangers_refused_total, impostors_refused_total
  case reports_dropped_total, requests_dropped_total, subscribers_cut_off_total
  case newcomers_dropped_total, answers_doubted_total, frames_discarded_total, sends_dropped_total
  case env_steps_total, episodes_total, environments, epsilon, environment_failures_total
  case environment_hangs_total, episodes_abandoned_total, weights_adopted_total
  case weights_refused_total, messages_committed_total, messages_resent_total
  case messages_dropped_total, messages_unacknowledged, steps_dropped_total
  case service_restarts_total, update_to_action_p50_ms, update_to_action_p99_ms
  case update_to_action_count, exploring_return, updates_total, learner_index, staleness_versions
  case waiting_share, training_s_total, target_copies_total, checkpoint_failures_total, diverged
  case batches_not_finite_total, batches_left_out_total, rows_left_out_total
  case rows_known_not_finite, batches_refused_total, shards, shares_moved_total, rows_moved_total
  case shard_moves_total, batches_total, requests_repeated_total, requests_of_gone_total
  case peers_replaced_total, priorities_dropped_total, changes_merged_total
  case changes_repeated_total, changes_refused_total, updates_merged_total, steps, capacity, items
  case steps_damaged_total, items_damaged_total, files_damaged, steps_in_doubt
  case steps_evicted_total, writers, samplers, messages_repeated_total, messages_ahead_total
  case messages_refused_total, messages_blocked_total, messages_over_quota_total
  case messages_over_budget_total, message_bytes_waiting, messages_waiting, batches_served_total
  case batches_undelivered_total, requests_waiting, priorities_applied_total
  case priorities_gone_total, priorities_refused_total, steps_inserted_total, items_inserted_total
  case items_stale_total, items_evicted_unsampled_total, priorities_clipped_total, samples_total
  case inserts_blocked_s, samples_blocked_s, publications_total, save_failures_total
  case evaluations_total, http_requests_total, http_refused_total, http_timed_out_total
  case http_connections, batches_warming, items_drawn_anew_total, messages_without_room_total
  case weights_clock
  case gradients_dropped_total, gradients_scaled_total, gradient_staleness, learners_waiting
  case updates_lost_total, answers_waited_s_total
  case tap_messages_total, tap_dropped_total
  case steps_recorded_total, messages_recorded_total, messages_missed_total
  case recording_bytes, recording_failures_total
  case steps_played_total, items_played_total, messages_played_total, items_without_first_step_total
  case player_waited_s_total, recording_passes_total
  case has_learner, learners_total, shard
  case items_outdated_total, steps_granted_total, steps_ungranted_total, steps_outstanding
  case actors_waiting, grants_waited_s_total, rows_outdated_total, batches_outdated_total, staleness_bound
  case trained_staleness_mean, trained_staleness_p99, trained_staleness_max
}

extension [Metric: Double] {
  /// The same by the names used in messages.
  var named: [String: Double] {
    Dictionary<String, Double>(uniqueKeysWithValues: map { ($0.key.rawValue, $0.value) })
  }
}

extension ShownTelemetry {
  /// The value of a metric; nil if the process does not report it.
  public subscript(metric: Metric) -> Double? { counters[metric.rawValue] }
}
