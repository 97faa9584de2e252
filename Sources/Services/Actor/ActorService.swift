// The actor process: steps environments, publishes experience, pulls weights.

internal import Algorithms
public import Configuration
internal import Environments
internal import Experience
internal import Foundations
internal import Transport
internal import Wire

/// Many environments; one row of each a tick. Takes the newest weights before each tick and never waits for any after the first.
/// Sleeps while the replay holds its messages back. Environments that are simulated in other processes are two batches that take
/// turns, see `tick`.
public final class ActorService {
  let configuration: RunConfiguration
  let halves: [ActingHalf]
  let policy: QPolicy
  let replay: DealerLink
  let parameters: DealerLink
  let weights: WeightsLink
  var writer: WriterMachine
  var reporter: TelemetryReporter
  let buffer: StepBuffer
  var items: TransitionItems
  var statistics = ActorStatistics()
  var version: UInt64 = 0
  var hasWeights = false
  var isCut = false
  var cutEpoch: UInt64 = 0
  var chunkStartedAt = Instant.zero
  var generator: SeededGenerator
  let log: Log
  /// All environments have a row to act on.
  var isReady = false
  /// Episodes have been asked for and are not all there yet.
  var isBeginning = false
  /// When episodes are to begin.
  var restartAt = Instant.zero
  var recovery = EnvironmentRecovery()
  /// Some halves are a row ahead of the others: until they have caught up, nothing is sent and no weights are adopted.
  var isPartial = false
  var isStopping = false
  /// What ends the actor, found where it could not be thrown.
  var fatal: (any Error)?
  /// How often an actor that has work looks for signals: a look is some twenty system calls, as many as all else in a tick.
  private static let lookEvery = Instant.Span.milliseconds(5)
  private var nextLook = Instant.zero
  private let signals: SignalDescriptor
  private let flushEvery: Instant.Span
  /// The oldest update that the adopted weights added, until they are acted with.
  private var unmeasuredUpdate: Int64 = 0
  private var newestUpdate: Int64 = 0
  private var connection: ConnectionWatch

  public init(configuration: RunConfiguration, settings: ServiceSettings) throws {
    signals = try SignalDescriptor(Signals.termination)
    self.configuration = configuration
    log = Log(settings.label)
    let count = configuration.actor.environments
    var system = SeededGenerator.fromSystem()
    // Each life has episodes of its own: one that is started again, or beside others by hand, must not repeat what is there.
    let id = Identifier(using: &system)
    generator = SeededGenerator(seed: configuration.seed ^ id.low, part: "actor", index: settings.replica)
    let spec = try configuration.environmentSpec()
    let schema = StepSchema.discrete(observation: spec.observationShape, dtype: spec.observationType)
    policy = try QPolicy(spec: configuration.network(for: spec), batchMax: count)
    let now = SystemClock.now()
    var writerConfiguration = WriterMachine.Configuration(
      id: id, label: settings.label, schema: schema, tables: [configuration.table])
    writerConfiguration.inFlight = configuration.actor.inFlight
    writer = WriterMachine(configuration: writerConfiguration, now: now)
    let context = Context()
    replay = try DealerLink(context: context, to: settings.replay[0])
    parameters = try DealerLink(context: context, to: settings.parameters)
    weights = try WeightsLink(context: context, to: settings.weights, id: id)
    reporter = TelemetryReporter(
      id: id, service: "actor", label: settings.label,
      interval: .milliseconds(configuration.telemetry.intervalMilliseconds), now: now)
    let rows = configuration.rowsPerMessage(stepBytes: schema.stepByteCount)
    let batches = try configuration.environments(
      spec, count: count, seed: generator.next(), inTurn: rows > 1)
    buffer = StepBuffer(count: count, schema: schema, capacity: rows, spare: batches.count - 1)
    items = TransitionItems(
      count: count, nStep: configuration.algorithm.nStep, discount: Float(configuration.algorithm.discount))
    let ladder = ExplorationLadder(
      base: Float(configuration.actor.epsilon.base), alpha: Float(configuration.actor.epsilon.exponent))
    let epsilons = (0..<count).map { ladder.epsilon(index: $0, count: count) }
    var first = 0
    halves = batches.map { batch in
      defer { first += batch.count }
      return ActingHalf(batch, first: first, epsilons: epsilons)
    }
    flushEvery = .milliseconds(configuration.actor.flushIntervalMilliseconds)
    statistics.prepare(environments: count)
    connection = ConnectionWatch(settings, now: now)
  }

  /// Acts until SIGTERM or SIGINT.
  /// - Throws: if the replay refuses this actor for good, or an environment fails.
  public func run() throws {
    var poller = Poller()
    poller.add(replay.socket)
    poller.add(parameters.socket)
    let weightsIndices = weights.add(to: &poller)
    let signalIndex = poller.add(descriptor: signals.descriptor)
    log.info("\(buffer.count) × \(configuration.environment.id)")
    while !isStopping {
      let now = SystemClock.now()
      try exchange(now: now)
      if !isReady { isReady = try beginEpisodes(now: now) }
      let mayAct = isReady && hasWeights && (isPartial || !(buffer.isFull && writer.isBlocked))
      // While it acts it only looks now and then: a poll costs as much as a tick of small environments.
      if !mayAct || now >= nextLook {
        nextLook = now + Self.lookEvery
        // Beginning waits by itself.
        poller.wait(
          until: mayAct || isBeginning ? now : deadline(now: now), now: now,
          except: mayAdopt ? [] : weightsIndices)
        if poller.isReadable(signalIndex), try signals.read() != nil { break }
        if !mayAct { continue }
      }
      try tick(now: now)
    }
    leave()
  }

  /// What cannot wait while a step takes long. Nothing is sent or adopted meanwhile: rows are not whole.
  func attend() throws {
    if try signals.read() != nil { isStopping = true }
    let now = SystemClock.now()
    try converse(now: now)
  }

  /// Everything that comes and goes between two ticks.
  private func exchange(now: Instant) throws {
    try converse(now: now)
    if mayAdopt { weights.takeNewest { adopt($0, now: now) } }
    flushIfDue(now: now)
    if let fatal { throw fatal }
  }

  private func converse(now: Instant) throws {
    var sink = replay
    replay.drain { writer.receive($0, now: now, sink: &sink) }
    writer.advance(to: now, sink: &sink)
    if let refusal = writer.refusal { throw ServiceFailure(service: "replay", refusal: refusal) }
    parameters.drain { _ in }
    reporter.advance(to: now, over: parameters) { telemetry() }
    connection.note(now: now, missing: [writer.isReady ? nil : 0, hasWeights ? nil : 1], log)
  }

  /// A chunk carries one version: while its rows cannot be sent, the next weights wait at the socket.
  private var mayAdopt: Bool { !isPartial && (buffer.rows == 0 || !writer.isBlocked) }

  private func adopt(_ weights: Weights, now: Instant) {
    guard weights.values.count == policy.parameterCount * 4 else {
      statistics.weightsRefused += 1
      guard statistics.weightsRefused == 1 else { return }
      return log.warning(
        "weights of \(weights.values.count / 4) values instead of \(policy.parameterCount) are left out: the parameter server "
          + "has another network; start both from one configuration")
    }
    // A chunk carries one version.
    if buffer.rows > 0 {
      guard settle() else { return }
      flush(now: now)
    }
    withUnsafeTemporaryAllocation(of: Float.self, capacity: policy.parameterCount) { values in
      UnsafeMutableRawBufferPointer(values).copyMemory(from: weights.values)
      policy.importParameters(from: UnsafeBufferPointer(values))
    }
    measure(weights)
    version = weights.version
    hasWeights = true
    statistics.weightsAdopted += 1
  }

  /// Notes the oldest update that comes with these weights, until they are acted with. Of versions that were skipped only this is
  /// known: their updates came after the newest one of the version before.
  private func measure(_ weights: Weights) {
    if unmeasuredUpdate == 0, hasWeights {
      unmeasuredUpdate = weights.version == version + 1 ? weights.oldestUpdate : newestUpdate
    }
    newestUpdate = weights.newestUpdate
  }

  /// The first action with new weights tells how long they took.
  func noteAction() {
    guard unmeasuredUpdate > 0 else { return }
    statistics.updateToAction.record(SystemClock.now() - Instant(nanoseconds: unmeasuredUpdate))
    unmeasuredUpdate = 0
  }

  private func flushIfDue(now: Instant) {
    guard !isPartial, buffer.rows > 0, buffer.isFull || now >= chunkStartedAt + flushEvery, settle() else {
      return
    }
    flush(now: now)
  }

  /// Sends what is buffered as one message. Blocked: it stays, or, if so configured, the oldest is dropped and counted.
  private func flush(now: Instant) {
    if writer.cutEpoch != cutEpoch {
      cutEpoch = writer.cutEpoch
      isCut = true
      items.cut(at: buffer.firstIndex, next: buffer.nextIndex)
    }
    guard let frame = writer.beginFrame() else {
      if configuration.actor.whenBlocked == .dropOldest, buffer.isFull { drop() }
      return
    }
    Insert.begin(frame, sequence: writer.nextSequence, chunks: buffer.count)
    buffer.encode(into: frame, weightsVersion: version, isCut: isCut)
    items.encode(into: frame)
    isCut = false
    buffer.clear()
    var sink = replay
    writer.commitFrame(now: now, sink: &sink)
  }

  private func drop() {
    statistics.stepsDropped += UInt64(buffer.rows * buffer.count)
    buffer.clear()
    items.cut(at: buffer.nextIndex, next: buffer.nextIndex)
    isCut = true
  }

  private func deadline(now: Instant) -> Instant {
    var deadline = min(writer.nextDeadline(now: now), min(reporter.nextReport, connection.nextNotice))
    if !isReady { deadline = min(deadline, restartAt) }
    if buffer.rows > 0, !isPartial, !writer.isBlocked {
      deadline = min(deadline, chunkStartedAt + flushEvery)
    }
    return deadline
  }

  /// Sends what is left, without waiting for its acknowledgement.
  private func leave() {
    let now = SystemClock.now()
    for half in halves where half.state == .stepping { truncate(half) }
    items.drop(from: buffer.nextIndex)
    if buffer.rows > 0 { flush(now: now) }
    var sink = replay
    writer.leave(sink: &sink)
    reporter.finish(now: now, over: parameters, counters: telemetry())
    let (committed, open) = (writer.counters.messagesCommitted, writer.unacknowledged)
    log.info(
      "stopped after \(statistics.envSteps) steps, \(statistics.episodes) episodes; messages: \(committed) acknowledged, "
        + "\(open) not yet, \(writer.counters.messagesDropped) dropped")
  }
}

extension RunConfiguration {
  /// Rows of each environment that fit a message by its steps and bytes.
  func rowsPerMessage(stepBytes: Int) -> Int {
    let bySteps = actor.messageSteps / max(1, actor.environments)
    let byBytes = actor.messageBytes / max(1, actor.environments * stepBytes)
    // Two halves take turns if a message has room for two rows.
    return max(isNative ? 1 : min(2, bySteps), 1, min(bySteps, byBytes))
  }
}
