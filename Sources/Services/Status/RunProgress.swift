// What is known of a run, from its telemetry.

public import Experience
public import Foundations
public import Wire

/// The run as those see it who follow its status: the watcher, and the parameter server for its page.
public struct RunProgress: Sendable {
  /// As if all sessions had followed each other without a pause.
  public let startedAt: Instant
  private let criterion: SolvedCriterion
  private let earlierEnvSteps: Double
  private let earlierVersion: UInt64
  public private(set) var status: Status?
  public private(set) var evaluations: [(seconds: Double, evaluation: Evaluation)] = []
  /// An evaluation that passed for a confirmation but is none, and why.
  public private(set) var contradiction: String?
  public private(set) var confirmed: (seconds: Double, evaluation: Evaluation)?
  /// Updates that the learners have made; they count on across restarts by themselves.
  public private(set) var updates: Double
  private var totals = CounterTotals()
  private var previous: (at: Instant, envSteps: Double, inserts: Double, batches: Double, updates: Double)

  /// What `take` and the rest of this read of each process.
  public static let metrics: [Metric] = [
    .env_steps_total, .update_to_action_p99_ms, .batches_total, .staleness_versions, .waiting_share,
    .diverged, .steps, .capacity, .items_inserted_total, .steps_damaged_total, .items_damaged_total,
    .files_damaged,
  ]

  /// - Parameters:
  ///   - criterion: when the run is solved.
  ///   - earlier: what this session goes on from.
  public init(
    startedAt: Instant, criterion: SolvedCriterion, earlier: EarlierSessions = EarlierSessions()
  ) {
    self.criterion = criterion
    self.startedAt = startedAt - .seconds(earlier.seconds)
    earlierEnvSteps = earlier.envSteps
    earlierVersion = earlier.version
    updates = earlier.updates
    previous = (startedAt, earlier.envSteps, 0, 0, earlier.updates)
    for point in earlier.evaluations { append(point.seconds, point.evaluation) }
  }

  public mutating func take(_ status: Status, now: Instant) {
    self.status = status
    totals.note(status.processes, service: .actor, counter: .env_steps_total)
    totals.note(status.processes, service: .replay, counter: .items_inserted_total)
    totals.note(status.processes, service: .learner, counter: .batches_total)
    updates = max(updates, Double(status.updates))
    for evaluation in status.evaluations {
      let seconds = (now - startedAt).seconds
      if evaluation.kind == .regular { append(seconds, evaluation) }
      if evaluation.kind == .confirmation, evaluation.isSolved, confirmed == nil {
        contradiction = criterion.objection(to: evaluation)
        if contradiction == nil { confirmed = (seconds, evaluation) }
      }
    }
  }

  /// The curve of a long run is thinned, so that it stays small: `evaluations.jsonl` has every point.
  private mutating func append(_ seconds: Double, _ evaluation: Evaluation) {
    if evaluations.count >= 4096 {
      evaluations = evaluations.enumerated().filter { $0.offset % 2 == 0 }.map(\.element)
    }
    evaluations.append((seconds, evaluation))
  }

  public var envSteps: Double { earlierEnvSteps + totals.total(.actor, .env_steps_total) }
  public var latestReturn: Double? { evaluations.last?.evaluation.meanReturn }
  /// What replays found damaged in their files, in words; nil if nothing.
  public var damage: String? {
    func sum(_ counter: Metric) -> Int { Int(min(values(.replay, counter).reduce(0, +), 1e15)) }
    let (steps, items, files) = (sum(.steps_damaged_total), sum(.items_damaged_total), sum(.files_damaged))
    if steps + items + files == 0 { return nil }
    return
      "the replay found \(steps) steps, \(items) items and \(files) files that were not what had been written, and left them out"
  }
  public var hasDiverged: Bool { values(.learner, .diverged).contains { $0 > 0 } }

  public func values(_ service: ServiceKind, _ metric: Metric) -> [Double] {
    values(service, named: metric.rawValue)
  }

  /// Of a metric that the services' code does not know.
  public func values(_ service: ServiceKind, named counter: String) -> [Double] {
    (status?.processes ?? []).filter { $0.telemetry.kind == service && $0.age_s < 3 }
      .compactMap { $0.telemetry.counters[counter] }.filter(\.isFinite)
  }

  /// The mean over the service's processes; nil if there is none.
  public func mean(_ service: ServiceKind, _ metric: Metric) -> Double? {
    mean(service, named: metric.rawValue)
  }

  public func mean(_ service: ServiceKind, named counter: String) -> Double? {
    let values = values(service, named: counter)
    return values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
  }

  /// Rates since the last call.
  public mutating func sample(now: Instant) -> RunSample {
    let current = (
      at: now, envSteps: envSteps, inserts: totals.total(.replay, .items_inserted_total),
      batches: totals.total(.learner, .batches_total), updates: updates
    )
    let before = previous
    let elapsed = max(1e-3, (now - before.at).seconds)
    previous = current
    return RunSample(
      seconds: (now - startedAt).seconds, envSteps: current.envSteps,
      envStepsPerSecond: (current.envSteps - before.envSteps) / elapsed,
      insertsPerSecond: (current.inserts - before.inserts) / elapsed,
      replaySteps: values(.replay, .steps).reduce(0, +),
      replayCapacity: values(.replay, .capacity).reduce(0, +),
      batchesPerSecond: (current.batches - before.batches) / elapsed, updates: current.updates,
      updatesPerSecond: (current.updates - before.updates) / elapsed,
      weightsVersion: Double(status?.version ?? earlierVersion),
      stalenessVersions: mean(.learner, .staleness_versions) ?? 0,
      learnerWaitingShare: mean(.learner, .waiting_share) ?? 0,
      updateToActionP99_ms: values(.actor, .update_to_action_p99_ms).max() ?? 0,
      actors: values(.actor, .env_steps_total).count, meanReturn: latestReturn)
  }
}
