// The counters of an actor.

internal import Environments
internal import Experience
internal import Foundations

/// Counters of one incarnation of an actor.
struct ActorStatistics {
  var ticks: UInt64 = 0
  /// Actions taken. An episode's last row has no action.
  var envSteps: UInt64 = 0
  var episodes: UInt64 = 0
  /// Episodes that ended because an environment failed.
  var episodesAbandoned: UInt64 = 0
  var stepsDropped: UInt64 = 0
  var weightsAdopted: UInt64 = 0
  var weightsRefused: UInt64 = 0
  /// From the oldest update in newly adopted weights to the first action with them.
  var updateToAction = LatencyHistogram()
  private var running: [Float] = []
  /// Exponential moving mean (factor 0.05) of the returns of finished episodes, exploration
  /// included.
  private(set) var meanReturn: Double?

  mutating func prepare(environments: Int) {
    running = Array(repeating: 0, count: environments)
  }

  mutating func count(_ range: Range<Int>, _ flags: UnsafePointer<UInt8>) {
    for index in range {
      let flag = StepFlags(rawValue: flags[index - range.lowerBound])
      if flag.contains(.isLast) {
        finish(index)
      } else {
        envSteps += 1
      }
    }
  }

  mutating func add(_ range: Range<Int>, _ rewards: UnsafePointer<Float>) {
    for index in range { running[index] += rewards[index - range.lowerBound] }
  }

  /// Ends an episode whose environment failed: its last action has no outcome, and its return is
  /// not counted.
  mutating func abandon(_ index: Int) {
    envSteps -= 1
    episodesAbandoned += 1
    running[index] = 0
  }

  private mutating func finish(_ index: Int) {
    episodes += 1
    let value = Double(running[index])
    meanReturn = meanReturn.map { $0 + 0.05 * (value - $0) } ?? value
    running[index] = 0
  }
}

extension ActorService {
  func telemetry() -> [String: Double] {
    let (statistics, recovery) = (stepper.statistics, stepper.recovery)
    var values: [Metric: Double] = [
      .env_steps_total: Double(statistics.envSteps),
      .episodes_total: Double(statistics.episodes),
      .environments: Double(stepper.buffer.count),
      .epsilon: Double(exploration.largest),
      .environment_failures_total: Double(recovery.failures),
      .environment_hangs_total: Double(recovery.hangs),
      .episodes_abandoned_total: Double(statistics.episodesAbandoned),
      .weights_version: Double(version),
      .weights_adopted_total: Double(statistics.weightsAdopted),
      .weights_refused_total: Double(statistics.weightsRefused + weights.notFinite),
      .messages_committed_total: Double(writer.counters.messagesCommitted),
      .messages_resent_total: Double(writer.counters.messagesResent),
      .messages_dropped_total: Double(writer.counters.messagesDropped),
      .shard_moves_total: Double(writer.moves),
      .shard: Double(writer.shardNumber),
      .messages_unacknowledged: Double(writer.unacknowledged),
      .steps_dropped_total: Double(statistics.stepsDropped),
      .grants_waited_s_total: writer.allowance.waited.seconds,
      .service_restarts_total: Double(writer.counters.serviceRestarts),
      .malformed_total: Double(writer.counters.malformed + weights.malformed),
      .update_to_action_p50_ms: statistics.updateToAction.quantile(0.5).milliseconds,
      .update_to_action_p99_ms: statistics.updateToAction.quantile(0.99).milliseconds,
      .update_to_action_count: Double(statistics.updateToAction.count),
    ]
    if let mean = statistics.meanReturn { values[.exploring_return] = mean }
    return values.named
  }
}
