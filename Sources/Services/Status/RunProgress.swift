// A run's progress, computed from its status.

public import Experience
public import Foundations
public import Wire

/// A run's progress, computed from the statuses of its parameter server. The command `rookery run`
/// uses it, and the parameter server for its page.
public struct RunProgress: Sendable {
  /// When the run would have started if its sessions had no pauses between them.
  public let startedAt: Instant
  private let criterion: SolvedCriterion
  private let earlierEnvSteps: Double
  private let earlierVersion: UInt64
  /// The newest status; nil before the first.
  public private(set) var status: Status?
  /// Regular evaluations with their times since the start, oldest first, at most 4096: when full,
  /// every second one is removed.
  public private(set) var evaluations: [(seconds: Double, evaluation: Evaluation)] = []
  /// Why the last claimed confirmation was not accepted; nil if it was, or there was none.
  public private(set) var contradiction: String?
  /// The evaluation that confirmed the criterion; nil while the run is not solved.
  public private(set) var confirmed: (seconds: Double, evaluation: Evaluation)?
  /// Updates in the weights. The server saves the count, so it continues across restarts.
  public private(set) var updates: Double
  private var totals = CounterTotals()
  private var previous: (at: Instant, envSteps: Double, inserts: Double, batches: Double, updates: Double)

  /// The metrics that `RunProgress` reads from each process.
  public static let metrics: [Metric] = [
    .env_steps_total, .update_to_action_p99_ms, .batches_total, .staleness_versions, .waiting_share,
    .diverged, .steps, .capacity, .items_inserted_total, .steps_damaged_total, .items_damaged_total,
    .files_damaged, .epsilon, .staleness_bound, .trained_staleness_mean, .trained_staleness_p99,
    .trained_staleness_max, .actors_waiting,
  ]

  /// - Parameters:
  ///   - criterion: when the run is solved.
  ///   - earlier: the totals of the sessions before this one.
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

  /// Records the newest status, with the evaluations that the one before did not have.
  public mutating func record(_ status: Status, now: Instant) {
    self.status = status
    totals.record(status.processes, service: .actor, counter: .env_steps_total)
    totals.record(status.processes, service: .replay, counter: .items_inserted_total)
    totals.record(status.processes, service: .learner, counter: .batches_total)
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

  /// Thins the curve of a long run to bound its memory; `evaluations.jsonl` has every point.
  private mutating func append(_ seconds: Double, _ evaluation: Evaluation) {
    if evaluations.count >= 4096 {
      evaluations = evaluations.enumerated().filter { $0.offset % 2 == 0 }.map(\.element)
    }
    evaluations.append((seconds, evaluation))
  }

  /// Actions taken by all actors, in all sessions.
  public var envSteps: Double { earlierEnvSteps + totals.total(.actor, .env_steps_total) }
  /// The mean return of the last regular evaluation; nil before the first.
  public var latestReturn: Double? { evaluations.last?.evaluation.meanReturn }
  /// A sentence about damage that replays found in their files; nil if they found none.
  public var damage: String? {
    func sum(_ counter: Metric) -> Int { Int(min(values(.replay, counter).reduce(0, +), 1e15)) }
    let (steps, items, files) = (sum(.steps_damaged_total), sum(.items_damaged_total), sum(.files_damaged))
    if steps + items + files == 0 { return nil }
    return
      "the replay found damage in its files: it dropped \(steps) steps and \(items) items, and \(files) files were too short"
  }

  /// Whether a learner reports that it diverged.
  public var hasDiverged: Bool { values(.learner, .diverged).contains { $0 > 0 } }

  /// A metric's finite values, one for each process of the service that reported in the last 3 s.
  public func values(_ service: ServiceKind, _ metric: Metric) -> [Double] {
    values(service, named: metric.rawValue)
  }

  /// The same for a metric that is not in `Metric`, such as a learning rule's.
  public func values(_ service: ServiceKind, named counter: String) -> [Double] {
    (status?.processes ?? []).filter { $0.telemetry.kind == service && $0.age_s < 3 }
      .compactMap { $0.telemetry.counters[counter] }.filter(\.isFinite)
  }

  /// The mean of `values`; nil if there are none.
  public func mean(_ service: ServiceKind, _ metric: Metric) -> Double? {
    mean(service, named: metric.rawValue)
  }

  /// The same for a metric that is not in `Metric`.
  public func mean(_ service: ServiceKind, named counter: String) -> Double? {
    let values = values(service, named: counter)
    return values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
  }

  /// The bound on the staleness of what is trained on, in versions; nil without one.
  public var stalenessBound: Double? {
    values(.learner, .staleness_bound).filter { $0 >= 0 }.max()
  }

  /// Staleness of what was trained on: the mean of the learners' means, and the largest of their
  /// 99th percentiles and of their largest. Nil while none reports.
  public var trainedStaleness: (mean: Double?, p99: Double?, max: Double?) {
    (
      mean(.learner, .trained_staleness_mean), values(.learner, .trained_staleness_p99).max(),
      values(.learner, .trained_staleness_max).max()
    )
  }

  /// Actors that wait for leave to act: of the shard where most do. Nil while none reports.
  public var actorsWaiting: Double? { values(.replay, .actors_waiting).max() }

  /// The run now, with rates since the last call.
  public mutating func sample(now: Instant) -> RunSample {
    let current = (
      at: now, envSteps: envSteps, inserts: totals.total(.replay, .items_inserted_total),
      batches: totals.total(.learner, .batches_total), updates: updates
    )
    let before = previous
    let trained = trainedStaleness
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
      trainedStalenessMean: trained.mean ?? 0, trainedStalenessP99: trained.p99 ?? 0,
      trainedStalenessMax: trained.max ?? 0, stalenessBound: stalenessBound,
      actorsWaiting: actorsWaiting ?? 0,
      learnerWaitingShare: mean(.learner, .waiting_share) ?? 0,
      updateToActionP99_ms: values(.actor, .update_to_action_p99_ms).max() ?? 0,
      actors: values(.actor, .env_steps_total).count, meanReturn: latestReturn)
  }
}
