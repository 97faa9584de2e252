// Monitors a run for its page, its metrics and its health.

internal import Experience
internal import Foundations
internal import Wire

/// Computes rates, curves and silent processes from statuses of the parameter server. It has no
/// sockets and no clock.
struct RunMonitor {
  let facts: RunFacts
  let startedAt: Instant
  private(set) var progress: RunProgress
  private(set) var history = RunHistory()
  private(set) var meters: [PublicName: ProcessMeter] = [:]
  private(set) var saveProblem: String?
  private(set) var best: Double?
  /// Evaluations that this monitor has seen.
  private(set) var evaluationsKnown: UInt64 = 0
  private var nextSample: Instant

  /// A lost process is shown for this long, unless its successor reports before.
  static let lostRemembered = Instant.Span.seconds(60)

  init(facts: RunFacts, now: Instant) {
    self.facts = facts
    startedAt = now
    progress = RunProgress(startedAt: now, criterion: facts.criterion)
    nextSample = now
  }

  /// Records the newest status, with the evaluations from `evaluationsKnown` on.
  mutating func observe(_ status: Status, saveProblem: String?, now: Instant) {
    self.saveProblem = saveProblem
    progress.record(status, now: now)
    for evaluation in status.evaluations {
      history.append(evaluation, seconds: (now - startedAt).seconds)
      if evaluation.kind == .regular, evaluation.meanReturn.isFinite {
        best = max(best ?? evaluation.meanReturn, evaluation.meanReturn)
      }
    }
    evaluationsKnown = status.firstEvaluation + UInt64(status.evaluations.count)
    for process in status.processes {
      let lastHeard = now - .seconds(min(max(0, process.age_s), 1e6))
      if meters[process.telemetry.id]?.record(process.telemetry, lastHeard: lastHeard) == nil {
        meters[process.telemetry.id] = ProcessMeter(process.telemetry, lastHeard: lastHeard)
      }
    }
    forget(now: now)
    if now >= nextSample {
      history.append(sample(now: now))
      // At the start, samples are closer together: the run may end within seconds.
      nextSample = now + max(.milliseconds(250), min(.seconds(1), .seconds((now - startedAt).seconds / 10)))
    }
  }

  /// When the next sample of the history is due.
  var nextObservation: Instant { nextSample }

  /// Removes processes that ended by themselves, have a successor, or were lost long ago.
  private mutating func forget(now: Instant) {
    let present = Set(meters.values.filter { !isSilent($0, now: now) }.map(Self.replica))
    meters = meters.filter { _, meter in
      guard !meter.hasEnded else { return false }
      guard isSilent(meter, now: now) else { return true }
      return now < meter.lastHeard + Self.lostRemembered && !present.contains(Self.replica(meter))
    }
    if meters.count > Limits.processes {
      let newest = meters.sorted { $0.value.lastHeard > $1.value.lastHeard }.prefix(Limits.processes)
      meters = Dictionary(uniqueKeysWithValues: newest.map { ($0.key, $0.value) })
    }
  }

  /// The replica whose incarnation a process is: service and label.
  private static func replica(_ meter: ProcessMeter) -> [String] {
    [meter.telemetry.service, meter.telemetry.label]
  }

  /// Whether the process has not reported for too long.
  func isSilent(_ meter: ProcessMeter, now: Instant) -> Bool {
    now >= meter.lastHeard + patience(meter.telemetry.kind)
  }

  /// How long a process may be silent. It is longer for an evaluator.
  private func patience(_ service: ServiceKind?) -> Instant.Span {
    let least =
      switch service {
      case .evaluator: 60.0
      case .parameters, .replay, .learner, .actor, .recorder, .player, nil: 3.0
      }
    return .seconds(max(least, 3 * facts.reportEvery_s))
  }

  /// The processes by service, then by label, with numbers in numerical order.
  var processes: [ProcessMeter] {
    let order = ServiceKind.allCases
    func rank(_ telemetry: ShownTelemetry) -> Int {
      order.firstIndex { $0 == telemetry.kind } ?? order.count
    }
    return meters.values.sorted { left, right in
      let (a, b) = (left.telemetry, right.telemetry)
      if a.service != b.service { return (rank(a), a.service) < (rank(b), b.service) }
      if a.label.utf8.count != b.label.utf8.count { return a.label.utf8.count < b.label.utf8.count }
      return (a.label, a.id.high) < (b.label, b.id.high)
    }
  }

  /// The sum of a counter's rates over the processes of a service that are not silent; nil if none
  /// has a rate.
  func rate(_ service: ServiceKind, _ counter: Metric, now: Instant) -> Double? {
    let rates = meters.values.filter { $0.telemetry.kind == service && !isSilent($0, now: now) }
      .compactMap { $0.rates[counter] }
    return rates.isEmpty ? nil : rates.reduce(0, +)
  }

  private func sample(now: Instant) -> HistorySample {
    HistorySample(seconds: (now - startedAt).seconds) { column in
      switch column {
      case .envStepsPerSecond: rate(.actor, .env_steps_total, now: now)
      case .updatesPerSecond: rate(.learner, .updates_total, now: now)
      case .insertsPerSecond: rate(.replay, .items_inserted_total, now: now)
      case .samplesPerSecond: rate(.replay, .samples_total, now: now)
      case .staleness: staleness
      case .updateToActionP99: updateToActionP99_ms
      case .replayFill: replayFill
      }
    }
  }

  var staleness: Double? { progress.mean(.learner, .staleness_versions) }
  /// The slowest actor's value; nil before any actor has measured one.
  var updateToActionP99_ms: Double? {
    progress.values(.actor, .update_to_action_p99_ms).filter { $0 > 0 }.max()
  }
  var replaySteps: Double { progress.values(.replay, .steps).reduce(0, +) }
  var replayCapacity: Double { progress.values(.replay, .capacity).reduce(0, +) }
  /// Fraction of the capacity that is used, 0…1.
  var replayFill: Double? { replayCapacity > 0 ? replaySteps / replayCapacity : nil }
}
