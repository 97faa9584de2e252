// The learner process: trains on sampled batches and shares what it learned.

internal import Algorithms
public import Configuration
internal import Environments
internal import Experience
internal import Foundations
internal import Numerics
internal import Transport
internal import Wire

/// One thread: takes a batch that has already arrived, trains, writes priorities back, and asks for the next. Between two updates
/// it pushes its change and stands on what was published; it waits only when no batch is there.
public final class LearnerService {
  let configuration: RunConfiguration
  let dqn: DQNLearner
  let replay: ShardLinks
  let parameters: DealerLink
  let weights: WeightsLink
  var sampler: ShardedSampler
  var member: MemberMachine
  var reporter: TelemetryReporter
  var statistics = LearnerStatistics()
  var judge = BatchJudge()
  var leftOut = LeftOutRows()
  /// `leftOut` has more than its file.
  var hasNewLeftOut = false
  /// After a divergence: what is trained on instead of the first weights that are published.
  var lastGoodWeights: [Float]?
  /// Items at fault of the batches in a row that were not finite. They get priority 0 once a batch
  /// was trained on: until then it may be the weights that are at fault, and no priority is
  /// written.
  private var suspects: [SampledRow] = []
  /// Fingerprints of all rows at fault of those batches. A row of an earlier life is none: it was
  /// found before the weights that are trained on.
  private var suspectRows: Set<UInt64> = []
  let checkpoints: CheckpointFolder?
  let log: Log
  private let signals: SignalDescriptor
  private let importance: ImportanceWeights
  private let local: UnsafeMutableBufferPointer<Float>
  private var errors: [Float]
  private let importanceWeights: UnsafeMutableBufferPointer<Float>
  /// The columns of a batch, in order.
  private let fields: [Field]
  /// What is being trained on, and how many of its batches are done.
  private var current: SampledBatch?
  private var trainedBatches = 0
  private var unpushed = UnpushedUpdates()
  /// The hard target network's place: published version / C of its last copy.
  private var targetEpoch: UInt64?
  private var nextCheckpoint: Instant
  private var connection: ConnectionWatch
  private var nextUpdateAt = Instant.zero

  public init(configuration: RunConfiguration, settings: ServiceSettings) throws {
    signals = try SignalDescriptor(Signals.termination)
    self.configuration = configuration
    log = Log(settings.label)
    let environment = try configuration.environmentSpec()
    let spec = configuration.network(for: environment)
    let batch = configuration.algorithm.batch
    dqn = try DQNLearner(spec: spec, configuration: configuration.dqn, batchMax: batch)
    let now = SystemClock.now()
    var system = SeededGenerator.fromSystem()
    let id = Identifier(using: &system)
    var samplerConfiguration = SamplerMachine.Configuration(
      id: id, label: settings.label, table: configuration.table, batch: batch)
    samplerConfiguration.batchesPerRequest = configuration.learner.batchesPerRequest
    samplerConfiguration.inFlight = configuration.learner.samplesInFlight
    var shardedConfiguration = ShardedSampler.Configuration(sampler: samplerConfiguration)
    shardedConfiguration.split = configuration.shardSplit
    shardedConfiguration.isConsumed = configuration.isConsumed
    sampler = ShardedSampler(configuration: shardedConfiguration, generator: system, now: now)
    let manifest = try spec.manifest()
    member = MemberMachine(
      configuration: MemberMachine.Configuration(
        id: id, token: settings.runToken, label: settings.label, manifest: manifest,
        aggregation: Aggregation(configuration.aggregation)), now: now)
    let connector = Connector()
    replay = ShardLinks(connector: connector, settings: settings, log: log, now: now)
    parameters = try DealerLink(
      connector: connector, to: settings.parameters, frameBytesMax: FrameBounds.parameterAnswer)
    weights = try WeightsLink(connector: connector, to: settings.weights, id: id, manifest: manifest)
    reporter = TelemetryReporter(
      id: id, service: "learner", settings: settings,
      interval: .milliseconds(configuration.telemetry.intervalMilliseconds), now: now)
    checkpoints = settings.runDirectory.map {
      CheckpointFolder(path: $0 + "/checkpoints", label: settings.label, manifest: manifest)
    }
    importance = configuration.importance
    local = .allocate(capacity: dqn.parameterCount)
    local.initialize(repeating: 0)
    errors = Array(repeating: 0, count: configuration.itemsPerRequest)
    importanceWeights = .allocate(capacity: batch)
    importanceWeights.initialize(repeating: 1)
    fields = configuration.table.batchFields(of: configuration.stepSchema(of: environment))
    nextCheckpoint = now + .seconds(configuration.learner.checkpointIntervalSeconds)
    connection = ConnectionWatch(settings, now: now)
    try resume()
  }

  deinit {
    local.deallocate()
    importanceWeights.deallocate()
  }

  /// Trains until SIGTERM or SIGINT.
  /// - Throws: if a service refuses this learner for good.
  public func run() throws {
    var poller = Poller()
    poller.add(parameters.socket)
    _ = weights.add(to: &poller)
    let signalIndex = poller.add(descriptor: signals.descriptor)
    let fixed = poller.count
    var generation = -1
    var updatesSinceLook = 0
    while true {
      let now = SystemClock.now()
      try exchange(now: now)
      if generation != replay.generation {
        generation = replay.generation
        poller.removeAll(after: fixed)
        replay.add(to: &poller)
      }
      if !statistics.hasDiverged, member.hasWeights, now >= nextUpdateAt,
        let batch = current ?? sampler.take()
      {
        statistics.stopWaiting(now: now)
        try update(batch, now: now)
        updatesSinceLook += 1
        if updatesSinceLook < 16 { continue }
      } else if now >= nextUpdateAt {
        statistics.startWaiting(now: now)
      }
      // With work at hand it only looks for a signal.
      let hasWork = updatesSinceLook >= 16
      updatesSinceLook = 0
      poller.wait(until: hasWork ? now : deadline(now: now), now: now)
      if poller.isReadable(signalIndex), try signals.read() != nil { break }
    }
    try leave()
  }

  private func exchange(now: Instant) throws {
    try replay.follow(now: now) { sampler.setShards($0, now: now, sink: replay) }
    replay.drain(limit: 64) { sampler.receive($0, from: $1, now: now, sink: replay) }
    sampler.advance(to: now, sink: replay)
    parameters.drain { member.receive($0, now: now, sink: parameters) }
    weights.takeNewest { adopt($0) }
    if let notice = member.takeNotice() { log.warning(notice) }
    member.advance(to: now, sink: parameters)
    if let refusal = sampler.refusal { throw ServiceFailure(service: "replay", refusal: refusal) }
    if let refusal = member.refusal { throw ServiceFailure(service: "parameters", refusal: refusal) }
    if member.canPush, unpushed.count > 0, !statistics.hasDiverged { push(now: now) }
    if now >= nextCheckpoint {
      nextCheckpoint = now + .seconds(configuration.learner.checkpointIntervalSeconds)
      saveCheckpoint()
    }
    reporter.advance(to: now, over: parameters) { telemetry(now: now) }
    connection.note(now: now, missing: [sampler.isReady ? nil : 0, member.hasWeights ? nil : 1], log)
  }

  /// Stands on published weights; copies the target network at versions divisible by C.
  private func adopt(_ weights: Weights) {
    dqn.exportParameters(to: local)
    guard member.rebase(on: weights, local: local) else { return }
    if let lastGoodWeights {
      // What was published may have diverged with the learner; the change back is pushed like any
      // other.
      UnsafeMutableRawBufferPointer(local).copyBytes(from: lastGoodWeights.withUnsafeBytes { Array($0) })
      self.lastGoodWeights = nil
      member.beginRestoring()
    }
    dqn.importParameters(from: UnsafeBufferPointer(local))
    // What is published is no target network until it is restored.
    guard !member.isRestoring else { return }
    guard case .hard(let everyVersions) = configuration.dqn.target else {
      if targetEpoch == nil {
        targetEpoch = 0
        if statistics.updates == 0 { dqn.updateTargetHard() }
      }
      return
    }
    // Versions may be skipped: what counts is that a multiple of C has been passed.
    let epoch = weights.version / UInt64(everyVersions)
    if let last = targetEpoch, last == epoch { return }
    if targetEpoch != nil || statistics.updates == 0 {
      member.reference.withUnsafeBufferPointer { dqn.importTarget(from: $0) }
      statistics.targetCopies += 1
    }
    targetEpoch = epoch
  }

  private func push(now: Instant) {
    dqn.exportParameters(to: local)
    member.push(
      local: UnsafeBufferPointer(local), updates: unpushed.count, oldestUpdate: unpushed.oldest,
      newestUpdate: unpushed.newest, now: now, sink: parameters)
    unpushed = UnpushedUpdates()
  }

  /// Trains on the next batch of what a request brought; after the last one, writes all their priorities back.
  private func update(_ sampled: SampledBatch, now: Instant) throws {
    current = sampled
    let rows =
      trainedBatches * configuration.algorithm.batch..<(trainedBatches + 1) * configuration.algorithm.batch
    let transitions = try transitions(of: sampled, rows: rows)
    let (cleared, isSuspect) = leftOut.isEmpty ? ([], false) : clearLeftOut(sampled, rows)
    for row in cleared { importanceWeights[row - rows.lowerBound] = 0 }
    if cleared.count == rows.count, !isSuspect {
      passOver(rows)
    } else {
      do throws(TransitionBatchError) {
        let outcome = cleared.count == rows.count ? .notFinite : try train(on: transitions, rows: rows)
        if case .trained(let result) = outcome {
          take(result, sampled, rows, started: now)
          for row in cleared { errors[row] = 0 }
        } else if case .diverged(let divergence) = try leaveOut(transitions, sampled, rows) {
          return diverge(divergence)
        }
      } catch {
        refuse(rows, error)
      }
    }
    trainedBatches += 1
    if trainedBatches == sampled.batches { finish(sampled, now: SystemClock.now()) }
    if configuration.learner.updatesPerSecondMax > 0 {
      // At least one update a day: a tinier rate would give a span that no integer holds.
      let pause = min(86_400, 1 / configuration.learner.updatesPerSecondMax)
      nextUpdateAt = max(nextUpdateAt, now) + .seconds(pause)
    }
  }

  private func take(_ result: TrainingResult, _ sampled: SampledBatch, _ rows: Range<Int>, started: Instant) {
    let done = SystemClock.now()
    for row in rows { errors[row] += TransitionPriority.epsilon }
    unpushed.add(at: done)
    let versions = UnsafeBufferPointer(start: sampled.versions + rows.lowerBound, count: rows.count)
    statistics.record(result, versions: versions, version: member.version, started: started, done: done)
    if leftOut.isAfterDivergence {
      leftOut.isAfterDivergence = false
      hasNewLeftOut = true
    }
    judge.noteTrained()
    suspectRows.removeAll()
    guard !suspects.isEmpty else { return }
    sampler.zero(suspects, sink: replay)
    suspects.removeAll()
  }

  /// Empties the rows that are not to be trained on again; the caller gives them weight 0. Some of
  /// them may be suspect: the weights can be at fault for them.
  private func clearLeftOut(_ sampled: SampledBatch, _ rows: Range<Int>) -> (rows: [Int], isSuspect: Bool) {
    var isSuspect = false
    let cleared = rows.filter { row in
      let fingerprint = sampled.fingerprint(of: row)
      guard leftOut.contains(fingerprint) else { return false }
      isSuspect = isSuspect || suspectRows.contains(fingerprint)
      return true
    }
    for row in cleared { sampled.clear(row) }
    statistics.rowsLeftOut += UInt64(cleared.count)
    return (cleared, isSuspect)
  }

  /// A batch of nothing but rows known to be at fault says nothing of the weights. Priority 0 keeps
  /// them from being drawn again: they may be all that the table draws.
  private func passOver(_ rows: Range<Int>) {
    if statistics.batchesPassedOver == 0 {
      log.warning("all rows of a batch are known to be at fault, and left out; later ones are only counted")
    }
    statistics.batchesPassedOver += 1
    for row in rows { errors[row] = 0 }
  }

  /// After a batch whose loss or gradient was not finite: it has changed nothing. Its rows at fault
  /// are left out from now on, the others keep their priorities.
  private func leaveOut(
    _ transitions: TransitionBatch, _ sampled: SampledBatch, _ rows: Range<Int>
  ) throws(TransitionBatchError) -> BatchJudge.Verdict {
    try errors.withUnsafeMutableBufferPointer { errors throws(TransitionBatchError) in
      try dqn.markRowsAtFault(transitions, errors: UnsafeMutableBufferPointer(rebasing: errors[rows]))
    }
    let atFault = rows.filter { !errors[$0].isFinite }
    for row in atFault {
      let fingerprint = sampled.fingerprint(of: row)
      leftOut.insert(fingerprint)
      suspectRows.insert(fingerprint)
    }
    if !atFault.isEmpty { hasNewLeftOut = true }
    suspects += atFault.compactMap { sampled.item(at: $0) }
    // NaN leaves a priority as it is.
    for row in rows { errors[row] = .nan }
    if statistics.batchesNotFinite == 0 {
      log.warning(
        "the loss or gradient of a batch is infinite or NaN: it changes nothing, and \(atFault.count) of its \(rows.count) "
          + "rows are left out from now on; later ones are only counted")
    }
    statistics.batchesNotFinite += 1
    return judge.noteNotFinite()
  }

  private func train(
    on transitions: TransitionBatch, rows: Range<Int>
  ) throws(TransitionBatchError) -> TrainingOutcome {
    try errors.withUnsafeMutableBufferPointer { errors throws(TransitionBatchError) in
      try dqn.train(transitions, errors: UnsafeMutableBufferPointer(rebasing: errors[rows]))
    }
  }

  /// Leaves out a batch that holds what no environment of this run can have sent. Whoever may write to the replay can put it
  /// there: it must not end the learner, life after life. Priority 0 keeps it from being drawn again.
  private func refuse(_ rows: Range<Int>, _ error: TransitionBatchError) {
    if statistics.batchesRefused == 0 {
      log.warning("a batch is left out, \(error); later ones are only counted")
    }
    statistics.batchesRefused += 1
    for row in rows { errors[row] = 0 }
  }

  private func finish(_ sampled: SampledBatch, now: Instant) {
    errors.withUnsafeBufferPointer { sampler.update(sampled, priorities: $0, sink: replay) }
    sampler.release(sampled, now: now, sink: replay)
    current = nil
    trainedBatches = 0
  }

  private func transitions(of batch: SampledBatch, rows: Range<Int>) throws -> TransitionBatch {
    guard batch.fields == fields else {
      throw LearnerError.columns(
        expected: fields.map(\.description), found: batch.fields.map(\.description))
    }
    let probabilities = UnsafeBufferPointer(start: batch.probabilities + rows.lowerBound, count: rows.count)
    let beta = importance.beta(at: Int(statistics.updates))
    do {
      try ImportanceWeights.compute(probabilities: probabilities, beta: beta, into: importanceWeights)
    } catch {
      // Only a table without any mass is sampled like this: every item alike.
      importanceWeights.update(repeating: 1)
    }
    func column(_ index: Int) -> UnsafeMutableRawPointer {
      batch.columns[index] + rows.lowerBound * fields[index].byteCount
    }
    return TransitionBatch(
      count: rows.count, observation: column(0), action: column(1).assumingMemoryBound(to: Int32.self),
      reward: column(2).assumingMemoryBound(to: Float.self),
      discount: column(3).assumingMemoryBound(to: Float.self), nextObservation: column(4),
      importanceWeights: importanceWeights.baseAddress)
  }

  /// Stops training for good; what is on disk is the last good state.
  private func diverge(_ divergence: BatchJudge.Divergence) {
    statistics.hasDiverged = true
    suspects.removeAll()
    suspectRows.removeAll()
    leftOut.isAfterDivergence = true
    hasNewLeftOut = true
    saveLeftOutRows()
    log.error(
      "\(divergence) after \(statistics.updates) updates: training stopped, the last good checkpoint is kept"
        + (checkpoints.map { " in \($0.path)" } ?? "") + "; a smaller algorithm.learning_rate may help")
  }

  private func deadline(now: Instant) -> Instant {
    var deadline = min(sampler.nextDeadline(now: now), member.nextDeadline(now: now), reporter.nextReport)
    deadline = min(deadline, nextCheckpoint, connection.nextNotice, replay.nextDeadline)
    return nextUpdateAt > now ? min(deadline, nextUpdateAt) : deadline
  }

  private func leave() throws {
    saveCheckpoint()
    sampler.leave(sink: replay)
    if member.canPush, unpushed.count > 0, !statistics.hasDiverged { push(now: SystemClock.now()) }
    member.leave(sink: parameters)
    let now = SystemClock.now()
    reporter.finish(now: now, over: parameters, counters: telemetry(now: now))
    log.info("stopped after \(statistics.updates) updates")
  }
}

/// Updates since the last push.
struct UnpushedUpdates {
  var count: UInt64 = 0
  var oldest: Int64 = 0
  var newest: Int64 = 0

  mutating func add(at now: Instant) {
    count += 1
    if oldest == 0 { oldest = now.nanoseconds }
    newest = now.nanoseconds
  }
}

/// What a learner cannot work with.
public enum LearnerError: Error, CustomStringConvertible {
  case columns(expected: [String], found: [String])

  public var description: String {
    switch self {
    case .columns(let expected, let found):
      "batch: expected the columns \(expected.joined(separator: ", ")), found \(found.joined(separator: ", ")); "
        + "start actors and learners from the same configuration"
    }
  }
}
