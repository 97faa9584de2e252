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
  let acting: Acting
  let replay: ShardLinks
  let parameters: DealerLink
  let weights: WeightsLink
  var writer: ShardedWriter
  var reporter: TelemetryReporter
  var version: UInt64 = 0
  var hasWeights = false
  var isCut = false
  var cutEpoch: UInt64 = 0
  let log: Log
  private var isStopping = false
  /// How often an actor that has work looks for signals: a look is some twenty system calls, as many as all else in a tick.
  private static let lookEvery = Instant.Span.milliseconds(5)
  private var nextLook = Instant.zero
  private let signals: SignalDescriptor
  private let flushEvery: Instant.Span
  private var newestUpdate: Int64 = 0
  private var connection: ConnectionWatch

  public init(configuration: RunConfiguration, settings: ServiceSettings) throws {
    signals = try SignalDescriptor(Signals.termination)
    self.configuration = configuration
    log = Log(settings.label)
    let count = configuration.actor.environments
    var system = SeededGenerator.fromSystem()
    // Each incarnation has episodes of its own: one that is started again, or beside others by hand, must not repeat what is there.
    let id = Identifier(using: &system)
    var generator = SeededGenerator(
      seed: configuration.seed ^ id.low, part: ServiceKind.actor.rawValue, index: settings.replica)
    let spec = try configuration.environmentSpec()
    let algorithm = configuration.algorithm(for: spec)
    let policy = try algorithm.policy(batchMax: count)
    let schema = configuration.stepSchema(of: spec)
    let now = SystemClock.now()
    var writerConfiguration = WriterMachine.Configuration(
      id: id, label: settings.label, schema: schema, tables: configuration.tableSchemas)
    writerConfiguration.inFlight = configuration.actor.inFlight
    writer = ShardedWriter(
      configuration: ShardedWriter.Configuration(writer: writerConfiguration), generator: system)
    let connector = Connector()
    replay = ShardLinks(connector: connector, settings: settings, log: log, now: now)
    parameters = try DealerLink(
      connector: connector, to: settings.parameters, frameBytesMax: FrameBounds.parameterAnswer)
    weights = try WeightsLink(
      connector: connector, to: settings.weights, id: id,
      manifest: try algorithm.manifest())
    reporter = TelemetryReporter(
      id: id, service: .actor, settings: settings,
      interval: .milliseconds(configuration.telemetry.intervalMilliseconds), now: now)
    let batches = try configuration.environments(spec, count: count, seed: generator.next(), inTurn: true)
    let ladder = ExplorationLadder(
      base: Float(configuration.actor.epsilon.base), alpha: Float(configuration.actor.epsilon.exponent))
    acting = Acting(
      batches, policy: policy, recording: algorithm.recordedFields,
      buffer: StepBuffer(
        count: count, schema: schema,
        capacity: configuration.rowsPerMessage(stepBytes: schema.stepByteCount)),
      items: ActorItems(
        count: count, tables: configuration.tableSchemas, priority: policy.firstPriority),
      epsilons: (0..<count).map { ladder.epsilon(index: $0, count: count) },
      frameStack: configuration.environment.frameStack, generator: generator,
      clock: SystemClock.now, warn: { [log] in log.warning($0) })
    flushEvery = .milliseconds(configuration.actor.flushIntervalMilliseconds)
    connection = ConnectionWatch(settings, now: now)
  }

  /// Acts until SIGTERM or SIGINT.
  /// - Throws: if the replay refuses this actor for good, or an environment fails.
  public func run() throws {
    var poller = Poller()
    poller.add(parameters.socket)
    let weightsIndices = weights.add(to: &poller)
    let signalIndex = poller.add(descriptor: signals.descriptor)
    let fixed = poller.count
    var generation = -1
    log.info("\(buffer.count) × \(configuration.environment.id)")
    while !isStopping {
      let now = SystemClock.now()
      try exchange(now: now)
      if generation != replay.generation {
        generation = replay.generation
        poller.removeAll(after: fixed)
        replay.add(to: &poller)
      }
      try acting.beginEpisodes(now: now)
      let mayAct = acting.isReady && hasWeights && !(buffer.isFull && writer.isBlocked)
      // While it acts it only looks now and then: a poll costs as much as a tick of small environments.
      if !mayAct || now >= nextLook {
        nextLook = now + Self.lookEvery
        // Beginning waits by itself.
        poller.wait(
          until: mayAct || acting.isBeginning ? now : deadline(now: now), now: now,
          except: mayAdopt ? [] : weightsIndices)
        if poller.isReadable(signalIndex), try signals.read() != nil { break }
        if !mayAct { continue }
      }
      try acting.tick(now: now, attend: attend)
    }
    leave()
  }

  private var buffer: StepBuffer { acting.buffer }

  /// What cannot wait while a step takes long. Nothing is sent or adopted meanwhile: rows are not whole. False if the
  /// actor is to stop.
  private func attend() throws -> Bool {
    if try signals.read() != nil { isStopping = true }
    let now = SystemClock.now()
    try converse(now: now)
    return !isStopping
  }

  /// Everything that comes and goes between two ticks.
  private func exchange(now: Instant) throws {
    try converse(now: now)
    if mayAdopt { weights.takeNewest { adopt($0, now: now) } }
    flushIfDue(now: now)
    if let fatal = acting.fatal { throw fatal }
  }

  private func converse(now: Instant) throws {
    try replay.follow(now: now) { writer.setShards($0, now: now, sink: replay) }
    replay.drain { writer.receive($0, from: $1, now: now, sink: replay) }
    writer.advance(to: now, sink: replay)
    if let refusal = writer.refusal { throw ServiceFailure(by: .replay, refusal) }
    parameters.drain { _ in }
    reporter.advance(to: now, over: parameters) { telemetry() }
    connection.note(now: now, missing: [writer.isReady ? nil : 0, hasWeights ? nil : 1], log)
  }

  /// A chunk carries one version: while its rows cannot be sent, the next weights wait at the socket.
  private var mayAdopt: Bool { !acting.isPartial && (buffer.rows == 0 || !writer.isBlocked) }

  private func adopt(_ weights: Weights, now: Instant) {
    guard weights.values.count == acting.policy.parameterCount * 4 else {
      acting.statistics.weightsRefused += 1
      guard acting.statistics.weightsRefused == 1 else { return }
      return log.warning(
        "weights of \(weights.values.count / 4) values instead of \(acting.policy.parameterCount) are left out: the parameter server "
          + "has another network; start both from one configuration")
    }
    // A chunk carries one version. Rows that do not settle now never will: the actor ends, and needs no weights.
    if buffer.rows > 0 {
      guard acting.settle(attend: attend) else { return }
      flush(now: now)
    }
    withUnsafeTemporaryAllocation(of: Float.self, capacity: acting.policy.parameterCount) { values in
      UnsafeMutableRawBufferPointer(values).copyMemory(from: weights.values)
      acting.policy.importParameters(from: UnsafeBufferPointer(values))
    }
    measure(weights)
    version = weights.version
    hasWeights = true
    acting.statistics.weightsAdopted += 1
  }

  /// Notes the oldest update that comes with these weights, until they are acted with. Of versions that were skipped only this is
  /// known: their updates came after the newest one of the version before.
  private func measure(_ weights: Weights) {
    if acting.unmeasuredUpdate == 0, hasWeights {
      acting.unmeasuredUpdate = weights.version == version + 1 ? weights.oldestUpdate : newestUpdate
    }
    newestUpdate = weights.newestUpdate
  }

  private func flushIfDue(now: Instant) {
    guard !acting.isPartial, buffer.rows > 0,
      buffer.isFull || now >= acting.chunkStartedAt + flushEvery, acting.settle(attend: attend)
    else { return }
    flush(now: now)
  }

  /// Sends what is buffered as one message. Blocked: it stays, or, if so configured, the oldest is dropped and counted.
  private func flush(now: Instant) {
    if writer.cutEpoch != cutEpoch {
      cutEpoch = writer.cutEpoch
      isCut = true
      acting.items.cut(at: buffer.firstIndex, next: buffer.nextIndex)
    }
    guard let frame = writer.beginFrame(chunks: buffer.count) else {
      if configuration.actor.whenBlocked == .dropOldest, buffer.isFull { drop() }
      return
    }
    buffer.encode(into: frame, weightsVersion: version, isCut: isCut)
    acting.items.encode(into: frame)
    isCut = false
    buffer.clear()
    writer.commitFrame(now: now, sink: replay)
  }

  private func drop() {
    acting.statistics.stepsDropped += UInt64(buffer.rows * buffer.count)
    buffer.clear()
    acting.items.cut(at: buffer.nextIndex, next: buffer.nextIndex)
    isCut = true
  }

  private func deadline(now: Instant) -> Instant {
    var deadline = min(writer.nextDeadline(now: now), min(reporter.nextReport, connection.nextNotice))
    deadline = min(deadline, replay.nextDeadline)
    if !acting.isReady { deadline = min(deadline, acting.restartAt) }
    if buffer.rows > 0, !acting.isPartial, !writer.isBlocked {
      deadline = min(deadline, acting.chunkStartedAt + flushEvery)
    }
    return deadline
  }

  /// Sends what is left, without waiting for its acknowledgement.
  private func leave() {
    let now = SystemClock.now()
    acting.abandonSteps()
    if buffer.rows > 0 { flush(now: now) }
    writer.leave(sink: replay)
    reporter.finish(now: now, over: parameters, counters: telemetry())
    let (committed, open) = (writer.counters.messagesCommitted, writer.unacknowledged)
    log.info(
      "stopped after \(acting.statistics.envSteps) steps, \(acting.statistics.episodes) episodes; messages: \(committed) acknowledged, "
        + "\(open) not yet, \(writer.counters.messagesDropped) dropped")
  }
}

extension RunConfiguration {
  /// Rows of each environment that fit a message by its steps and bytes.
  func rowsPerMessage(stepBytes: Int) -> Int {
    let bySteps = actor.messageSteps / max(1, actor.environments)
    let byBytes = actor.messageBytes / max(1, actor.environments * stepBytes)
    return max(1, min(bySteps, byBytes))
  }
}
