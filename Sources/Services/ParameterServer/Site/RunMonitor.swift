// Follows a run for its page, its metrics and its health.

internal import Experience
internal import Foundations
internal import Wire

/// Takes statuses of the parameter server and the time; knows rates, the curves so far, and who has fallen silent. A value: no
/// sockets, no clock.
struct RunMonitor {
  let facts: RunFacts
  let startedAt: Instant
  private(set) var progress: RunProgress
  private(set) var history = RunHistory()
  private(set) var meters: [PublicName: ProcessMeter] = [:]
  private(set) var saveProblem: String?
  private(set) var best: Double?
  /// Evaluations of this incarnation of the server that are known here.
  private(set) var evaluationsKnown: UInt64 = 0
  private var nextSample: Instant

  /// A process that was lost is remembered for this long, unless its successor reports before.
  static let lostRemembered = Instant.Span.seconds(60)

  init(facts: RunFacts, now: Instant) {
    self.facts = facts
    startedAt = now
    progress = RunProgress(startedAt: now, criterion: facts.criterion)
    nextSample = now
  }

  /// Takes the newest status, with the evaluations from `evaluationsKnown` on.
  mutating func observe(_ status: Status, saveProblem: String?, now: Instant) {
    self.saveProblem = saveProblem
    progress.take(status, now: now)
    for evaluation in status.evaluations {
      history.append(evaluation, seconds: (now - startedAt).seconds)
      if evaluation.kind == .regular, evaluation.meanReturn.isFinite {
        best = max(best ?? evaluation.meanReturn, evaluation.meanReturn)
      }
    }
    evaluationsKnown = status.firstEvaluation + UInt64(status.evaluations.count)
    for process in status.processes {
      let lastHeard = now - .seconds(min(max(0, process.age_s), 1e6))
      if meters[process.telemetry.id]?.note(process.telemetry, lastHeard: lastHeard) == nil {
        meters[process.telemetry.id] = ProcessMeter(process.telemetry, lastHeard: lastHeard)
      }
    }
    forget(now: now)
    if now >= nextSample {
      history.append(sample(now: now))
      // A young run is drawn finer: it may be over in seconds.
      nextSample = now + max(.milliseconds(250), min(.seconds(1), .seconds((now - startedAt).seconds / 10)))
    }
  }

  /// When a sample of the history is due.
  var nextObservation: Instant { nextSample }

  /// Those that said goodbye, those that have a successor, and those that were lost long ago.
  private mutating func forget(now: Instant) {
    let present = Set(meters.values.filter { !isSilent($0, now: now) }.map(Self.place))
    meters = meters.filter { _, meter in
      guard !meter.hasEnded else { return false }
      guard isSilent(meter, now: now) else { return true }
      return now < meter.lastHeard + Self.lostRemembered && !present.contains(Self.place(meter))
    }
    if meters.count > Limits.processes {
      let newest = meters.sorted { $0.value.lastHeard > $1.value.lastHeard }.prefix(Limits.processes)
      meters = Dictionary(uniqueKeysWithValues: newest.map { ($0.key, $0.value) })
    }
  }

  private static func place(_ meter: ProcessMeter) -> [String] {
    [meter.telemetry.service, meter.telemetry.label]
  }

  /// It should have reported.
  func isSilent(_ meter: ProcessMeter, now: Instant) -> Bool {
    now >= meter.lastHeard + patience(meter.telemetry.kind)
  }

  /// An evaluator reports between evaluations, which may be long; all others report by the clock.
  private func patience(_ service: ServiceKind?) -> Instant.Span {
    let least =
      switch service {
      case .evaluator: 60.0
      case .parameters, .replay, .learner, .actor, nil: 3.0
      }
    return .seconds(max(least, 3 * facts.reportEvery_s))
  }

  /// In the order of people: by service, then by name, with numbers as numbers.
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

  /// Sum of a rate over the processes of a service that report.
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
  /// Of the slowest actor that has adopted weights.
  var updateToActionP99_ms: Double? {
    progress.values(.actor, .update_to_action_p99_ms).filter { $0 > 0 }.max()
  }
  var replaySteps: Double { progress.values(.replay, .steps).reduce(0, +) }
  var replayCapacity: Double { progress.values(.replay, .capacity).reduce(0, +) }
  /// Share of the capacity that is used, 0…1.
  var replayFill: Double? { replayCapacity > 0 ? replaySteps / replayCapacity : nil }
}
