// The dashboard's data, `/status.json`.

internal import Experience
internal import FoundationEssentials
internal import Foundations
internal import Wire

/// The run now, its processes, and the points of its curves that the page does not have yet.
struct StatusDocument: Encodable {
  struct Run: Encodable {
    var name: String
    var environment: String
    var algorithm: String
    var elapsed_s: Double
    var threshold: Double?
    var solved: Bool
    var diverged: Bool
  }

  struct Now: Encodable {
    var env_steps: Double
    var env_steps_per_s: Double?
    var updates: Double
    var updates_per_s: Double?
    var version: UInt64
    var staleness_versions: Double?
    var trained_staleness_mean: Double?
    var trained_staleness_p99: Double?
    var trained_staleness_max: Double?
    var staleness_bound: Double?
    var actors_waiting: Double?
    var update_to_action_p99_ms: Double?
    var replay_steps: Double
    var replay_capacity: Double
    var inserts_per_s: Double?
    var samples_per_s: Double?
    var learner_waiting_share: Double?
    var return_mean: Double?
    var return_min: Double?
    var return_max: Double?
    var return_best: Double?
  }

  struct Process: Encodable {
    var process: String
    var service: String
    var state: RunHealth.State
    var age_s: Double
    var uptime_s: Double?
    /// CPU time over wall time; 1 is one core.
    var cpu_share: Double?
    var resident_bytes: Double?
    var rate: Double?
    var rate_unit: String
    var version: Double?
  }

  /// Whether the points are the whole curves, which replace those that the page had.
  var whole: Bool
  /// The page's next request sends it to get only later points: `/status.json?since=CURSOR`.
  var cursor: String
  var run: Run
  var now: Now
  var health: RunHealth
  var processes: [Process]
  /// The points of the curves in this document.
  private var points = HistoryColumns()

  private enum CodingKeys: String, CodingKey {
    case whole, cursor, run, now, health, processes
  }

  /// - Parameters:
  ///   - incarnation: the server's, so that a page notices its restart.
  ///   - since: the cursor of the page's last document; nil for whole curves.
  init(_ monitor: RunMonitor, incarnation: Identifier, since: String?, now: Instant) {
    let position = HistoryCursor(monitor.history, incarnation: incarnation)
    let known = since.flatMap(HistoryCursor.init).flatMap { $0.continues(in: position) ? $0 : nil }
    whole = known == nil
    cursor = position.description
    points = HistoryColumns(
      samples: monitor.history.samples.points.dropFirst(known?.samples ?? 0),
      evaluations: monitor.history.evaluations.points.dropFirst(known?.evaluations ?? 0))
    run = Run(monitor, now: now)
    self.now = Now(monitor, now: now)
    let health = RunHealth(monitor, now: now)
    processes = zip(monitor.processes, health.processes).map { Process($0, $1) }
    self.health = health
    self.health.processes = []
  }

  func json() throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    var bytes = Array(try encoder.encode(self))
    // `JSONEncoder` takes microseconds for each number, and the curves of a long run have tens of
    // thousands, so they are appended without it.
    bytes.removeLast()
    points.append(to: &bytes)
    bytes.append(UInt8(ascii: "}"))
    return bytes
  }

  /// Rounds to four significant digits, more than a curve shows; nil for NaN and infinity, which
  /// JSON lacks.
  static func short(_ value: Double?) -> Double? {
    guard let value, value.isFinite else { return nil }
    guard value != 0 else { return 0 }
    // Very large and very small numbers are not rounded.
    guard abs(value) < 1e12, abs(value) > 1e-12 else { return value }
    var scale = 1.0
    while abs(value) * scale < 1000 { scale *= 10 }
    return (value * scale).rounded() / scale
  }
}

extension StatusDocument.Run {
  init(_ monitor: RunMonitor, now: Instant) {
    name = monitor.facts.name
    environment = monitor.facts.environment
    algorithm = monitor.facts.algorithm
    elapsed_s = ((now - monitor.startedAt).seconds * 10).rounded() / 10
    threshold = monitor.facts.threshold
    solved = monitor.progress.confirmed != nil
    diverged = monitor.progress.hasDiverged
  }
}

extension StatusDocument.Now {
  init(_ monitor: RunMonitor, now: Instant) {
    let progress = monitor.progress
    let short = StatusDocument.short
    let last = progress.evaluations.last?.evaluation
    env_steps = Self.finite(progress.envSteps)
    env_steps_per_s = short(monitor.rate(.actor, .env_steps_total, now: now))
    updates = Self.finite(progress.updates)
    updates_per_s = short(monitor.rate(.learner, .updates_total, now: now))
    version = progress.status?.version ?? 0
    staleness_versions = short(monitor.staleness)
    let trained = progress.trainedStaleness
    trained_staleness_mean = short(trained.mean)
    trained_staleness_p99 = short(trained.p99)
    trained_staleness_max = short(trained.max)
    staleness_bound = short(progress.stalenessBound)
    actors_waiting = short(progress.actorsWaiting)
    update_to_action_p99_ms = short(monitor.updateToActionP99_ms)
    replay_steps = Self.finite(monitor.replaySteps)
    replay_capacity = Self.finite(monitor.replayCapacity)
    inserts_per_s = short(monitor.rate(.replay, .items_inserted_total, now: now))
    samples_per_s = short(monitor.rate(.replay, .samples_total, now: now))
    learner_waiting_share = short(progress.mean(.learner, .waiting_share))
    return_mean = short(last?.meanReturn)
    return_min = short(last?.minReturn)
    return_max = short(last?.maxReturn)
    return_best = short(monitor.best)
  }

  /// JSON lacks infinity, and sums of forged telemetry may overflow to it.
  private static func finite(_ value: Double) -> Double { value.isFinite ? value : 0 }
}

extension StatusDocument.Process {
  init(_ meter: ProcessMeter, _ health: RunHealth.Process) {
    process = health.process
    service = health.service
    state = health.state
    age_s = health.age_s
    let isUp = state != .silent
    uptime_s = StatusDocument.short(meter.value(.uptime_s))
    cpu_share = isUp ? StatusDocument.short(meter.rates[.cpu_s_total]) : nil
    resident_bytes = isUp ? meter.value(.resident_bytes) : nil
    let known = Self.rate(of: meter.telemetry.kind)
    rate = isUp ? StatusDocument.short(known.flatMap { meter.rates[$0.counter] }) : nil
    rate_unit = known?.unit ?? ""
    version = meter.value(.weights_version)
  }

  /// The rate that best describes a service's work.
  private static func rate(of service: ServiceKind?) -> (counter: Metric, unit: String)? {
    switch service {
    case .actor: (.env_steps_total, "steps/s")
    case .learner: (.updates_total, "updates/s")
    case .replay: (.items_inserted_total, "inserts/s")
    case .evaluator: (.episodes_total, "episodes/s")
    case .parameters: (.publications_total, "publications/s")
    case .recorder: (.steps_recorded_total, "steps/s")
    case .player: (.steps_played_total, "steps/s")
    case nil: nil
    }
  }
}
