// The metrics page, `/metrics`.

internal import Experience
internal import Foundations
internal import Wire

/// A run's counters in Prometheus' text format.
struct MetricsPage {
  static let type = "text/plain; version=0.0.4; charset=utf-8"

  private static let droppedName = "rookery_metrics_dropped"

  private var out: PrometheusText

  /// - Parameter samplesMax: bounds the page, because telemetry may be forged; samples beyond it
  ///   are only counted.
  init(_ monitor: RunMonitor, now: Instant, samplesMax: Int = 20_000) {
    out = PrometheusText(samplesMax: samplesMax)
    addRun(monitor, now: now)
    addProcesses(monitor, now: now)
    addCounters(monitor, now: now)
  }

  var text: String {
    var last = PrometheusText(samplesMax: 1)
    let help = "Samples that are not shown, because there were too many or two had one name."
    last.add(Self.droppedName, help, [], Double(out.dropped))
    return out.text + last.text
  }

  private mutating func addRun(_ monitor: RunMonitor, now: Instant) {
    let facts = monitor.facts
    let progress = monitor.progress
    let labels = [("run", facts.name), ("environment", facts.environment), ("algorithm", facts.algorithm)]
    out.add("rookery_run_info", "What the run is; always 1.", labels, 1)
    out.add(
      "rookery_run_elapsed_seconds", "Time since this incarnation of the parameter server started.", [],
      (now - monitor.startedAt).seconds)
    out.add(
      "rookery_run_env_steps_total", "Actions taken by all actors, over all their incarnations.", [],
      progress.envSteps)
    out.add(
      "rookery_run_updates_total", "Updates that are in the weights, of all learners.", [],
      progress.updates)
    out.add(
      "rookery_run_weights_version", "Newest weights version.", [], Double(progress.status?.version ?? 0))
    let health = RunHealth(monitor, now: now)
    out.add("rookery_run_healthy", "1 if /healthz has no problem.", [], health.healthy ? 1 : 0)
    out.add(
      "rookery_run_solved", "1 if fresh episodes have confirmed the criterion.", [],
      progress.confirmed == nil ? 0 : 1)
    gauge("rookery_run_return_threshold", "Mean return at which the run counts as solved.", facts.threshold)
    if let last = progress.evaluations.last?.evaluation {
      gauge("rookery_run_return_mean", "Mean return of the last evaluation, greedy.", last.meanReturn)
      gauge("rookery_run_return_min", "Least return of the last evaluation.", last.minReturn)
      gauge("rookery_run_return_max", "Greatest return of the last evaluation.", last.maxReturn)
      gauge("rookery_run_evaluated_version", "Weights version of the last evaluation.", Double(last.version))
    }
    gauge("rookery_run_return_best", "Best mean return of an evaluation.", monitor.best)
    gauge(
      "rookery_run_staleness_versions",
      "Published version minus the version that sampled steps were acted with.",
      monitor.staleness)
    gauge(
      "rookery_run_staleness_bound", "replay.max_staleness of what is trained on; absent without a bound.",
      progress.stalenessBound)
    gauge(
      "rookery_run_update_to_action_p99_seconds",
      "Time from an update to the first action with it, of the slowest actor.",
      monitor.updateToActionP99_ms.map { $0 / 1000 })
    gauge(
      "rookery_run_replay_fill_ratio", "Fraction of the replay's capacity that is used.", monitor.replayFill)
  }

  private mutating func gauge(_ name: String, _ help: String, _ value: Double?) {
    if let value { out.add(name, help, [], value) }
  }

  private mutating func addProcesses(_ monitor: RunMonitor, now: Instant) {
    for meter in monitor.processes {
      let labels = Self.labels(meter, withService: true)
      out.add(
        "rookery_process_up", "1 if the process reports, 0 if it is silent.", labels,
        monitor.isSilent(meter, now: now) ? 0 : 1)
      out.add(
        "rookery_process_report_age_seconds", "Time since the last report.", labels,
        (now - meter.lastHeard).seconds)
    }
  }

  /// Adds the last report of each process that is not silent.
  private mutating func addCounters(_ monitor: RunMonitor, now: Instant) {
    var ours: Set<String> = []
    for meter in monitor.processes where !monitor.isSilent(meter, now: now) {
      var seen: Set<String> = []
      for (counter, value) in meter.telemetry.counters.sorted(by: { $0.key < $1.key }) {
        let name = MetricName(
          service: meter.telemetry.service, counter: counter, ruleHelp: monitor.facts.ruleHelp)
        // Processes choose their counters' names: none may equal a name of the run, or come twice.
        guard ours.contains(name.family) || !out.has(name.family), name.family != Self.droppedName,
          seen.insert(name.family).inserted
        else {
          out.drop()
          continue
        }
        ours.insert(name.family)
        out.add(name.family, name.help, Self.labels(meter, withService: name.isOfProcess), value * name.scale)
      }
    }
  }

  private static func labels(_ meter: ProcessMeter, withService: Bool) -> [(String, String)] {
    let telemetry = meter.telemetry
    let labels = [("process", telemetry.label), ("id", telemetry.id.description)]
    return withService ? labels + [("service", telemetry.service)] : labels
  }
}
