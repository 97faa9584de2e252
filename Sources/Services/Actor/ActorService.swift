// The actor process: steps environments, sends experience, receives weights.

internal import Algorithms
public import Configuration
internal import Environments
internal import Experience
internal import Foundations
internal import Transport
internal import Wire

/// Steps many environments, one row of each in a tick. It waits for the first weights only; later
/// it adopts the newest before each tick. It sleeps while the replay blocks its messages.
/// Environments in worker processes are two batches that take turns (`ActorStepper.tick`).
public final class ActorService {
  let configuration: RunConfiguration
  let stepper: ActorStepper
  let replay: ShardLinks
  let parameters: DealerLink
  let weights: WeightsLink
  var writer: ShardedWriter
  var reporter: TelemetryReporter
  var version: UInt64 = 0
  var hasWeights = false
  private(set) var exploration: Exploration
  /// Updates that the weights have been through.
  private var updates = 0.0
  var isCut = false
  var cutEpoch: UInt64 = 0
  let log: Log
  private var isStopping = false
  /// How often a busy actor polls for signals. One poll is about twenty system calls, as many as
  /// the rest of a tick.
  private static let pollEvery = Instant.Span.milliseconds(5)
  private var nextPoll = Instant.zero
  private let signals: SignalDescriptor
  private let flushEvery: Instant.Span
  private var newestUpdate: Int64 = 0
  /// Steps from the start of an item to that of the next, if actors are paced to bound staleness;
  /// else nil.
  private let pacePeriod: Int?
  /// The stream index up to which steps have been counted as acted.
  private var acted: UInt64 = 0
  private var connection: ConnectionWatch

  /// Makes the environments and opens the connections.
  /// - Throws: `EnvironmentError` or `EnvironmentFailure` if there is no such environment,
  ///   `NetworkSpecError`, or an error of the sockets.
  public init(configuration: RunConfiguration, settings: ServiceSettings) throws {
    signals = try SignalDescriptor(Signals.termination)
    self.configuration = configuration
    log = Log(settings.label)
    let count = configuration.actor.environments
    var system = SeededGenerator.fromSystem()
    // The seed includes the incarnation: an actor that is restarted must not repeat its episodes.
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
    var sharded = ShardedWriter.Configuration(writer: writerConfiguration)
    sharded.place = configuration.place(ofWriter: settings.replicaNumber, id: id)
    writer = ShardedWriter(configuration: sharded, generator: system)
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
    exploration = Exploration(configuration.actor.epsilon, environments: count)
    stepper = ActorStepper(
      batches, policy: policy, recording: algorithm.recordedFields,
      buffer: StepBuffer(
        count: count, schema: schema,
        capacity: configuration.rowsPerMessage(stepBytes: schema.stepByteCount)),
      items: ActorItems(
        count: count, tables: configuration.tableSchemas, priority: policy.firstPriority),
      epsilons: exploration.epsilons,
      frameStack: configuration.environment.frameStack, generator: generator,
      clock: SystemClock.now, warn: { [log] in log.warning($0) })
    pacePeriod = configuration.pacePeriod
    flushEvery = .milliseconds(configuration.actor.flushIntervalMilliseconds)
    connection = ConnectionWatch(settings, now: now)
  }

  /// Acts until SIGTERM or SIGINT.
  /// - Throws: `ServiceFailure` if the replay refuses this actor for good; `EnvironmentFailure` if
  ///   retrying the environments does not help.
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
      try processMessages(now: now)
      if generation != replay.generation {
        generation = replay.generation
        poller.removeAll(after: fixed)
        replay.add(to: &poller)
      }
      try stepper.beginEpisodes(now: now)
      let mayAct = stepper.isReady && hasWeights && !(buffer.isFull && writer.isBlocked) && isAllowed
      // A poll costs as much as a tick of small environments, so a busy actor polls rarely.
      if !mayAct || now >= nextPoll {
        nextPoll = now + Self.pollEvery
        // `beginEpisodes` does the waiting while episodes begin.
        poller.wait(
          until: mayAct || stepper.isBeginning ? now : deadline(now: now), now: now,
          except: mayAdopt ? [] : weightsIndices)
        if poller.isReadable(signalIndex), try signals.read() != nil { break }
        if !mayAct { continue }
      }
      try stepper.tick(now: now, doOtherWork: doOtherWork)
    }
    leave()
  }

  private var buffer: StepBuffer { stepper.buffer }

  /// Polls connections and signals while a step takes long. It sends no steps and adopts no
  /// weights, because rows are incomplete. False if the actor is to stop.
  private func doOtherWork() throws -> Bool {
    if try signals.read() != nil { isStopping = true }
    let now = SystemClock.now()
    try pollConnections(now: now)
    return !isStopping
  }

  /// Polls connections, adopts weights and sends steps, between two ticks.
  private func processMessages(now: Instant) throws {
    try pollConnections(now: now)
    if mayAdopt {
      weights.receiveNewest { adopt($0, now: now) }
      explore()
    }
    writer.use(steps: Int(buffer.nextIndex - acted) * buffer.count)
    acted = buffer.nextIndex
    flushIfDue(now: now)
    askForSteps(now: now)
    if let fatal = stepper.fatal { throw fatal }
  }

  private func pollConnections(now: Instant) throws {
    try replay.updateShards(now: now) { writer.setShards($0, now: now, sink: replay) }
    replay.drain { writer.receive($0, from: $1, now: now, sink: replay) }
    writer.advance(to: now, sink: replay)
    if let refusal = writer.refusal { throw ServiceFailure(by: .replay, refusal) }
    parameters.drain { _ in }
    reporter.advance(to: now, over: parameters) { telemetry() }
    connection.update(now: now, missing: [writer.isReady ? nil : 0, hasWeights ? nil : 1], log)
  }

  /// A tick may begin: steps for all environments are granted, and the weights are new enough.
  private var isAllowed: Bool {
    guard pacePeriod != nil, !stepper.isPartial else { return true }
    return !isAwaitingGrant && version >= writer.allowance.version
  }

  /// No steps are left of the last grant.
  private var isAwaitingGrant: Bool { pacePeriod != nil && writer.allowance.left < buffer.count }

  /// Asks for the steps that complete the streams' next items, once what was acted is sent.
  private func askForSteps(now: Instant) {
    guard let pacePeriod, isAwaitingGrant, !writer.allowance.isAsking, buffer.rows == 0 else { return }
    // An item's last step is the first of the next item.
    let rows = acted == 0 ? pacePeriod + 1 : pacePeriod - Int((acted - 1) % UInt64(pacePeriod))
    writer.ask(forSteps: rows * buffer.count, now: now, sink: replay)
  }

  /// A chunk carries one version: while its rows cannot be sent, newer weights stay in the socket.
  private var mayAdopt: Bool { !stepper.isPartial && (buffer.rows == 0 || !writer.isBlocked) }

  private func adopt(_ weights: Weights, now: Instant) {
    guard weights.values.count == stepper.policy.parameterCount * 4 else {
      stepper.statistics.weightsRefused += 1
      guard stepper.statistics.weightsRefused == 1 else { return }
      return log.warning(
        "ignored weights of another network: expected \(stepper.policy.parameterCount) values, found "
          + "\(weights.values.count / 4); start this actor and the parameter server from one configuration")
    }
    // A chunk carries one version. If the rows cannot be completed, the actor is about to end.
    if buffer.rows > 0 {
      guard stepper.finishSteps(doOtherWork: doOtherWork) else { return }
      flush(now: now)
    }
    withUnsafeTemporaryAllocation(of: Float.self, capacity: stepper.policy.parameterCount) { values in
      UnsafeMutableRawBufferPointer(values).copyMemory(from: weights.values)
      stepper.policy.importParameters(from: UnsafeBufferPointer(values))
    }
    measure(weights)
    version = weights.version
    updates = weights.clock
    hasWeights = true
    stepper.statistics.weightsAdopted += 1
  }

  /// Follows the schedule of ε, also while the weights stay as they are.
  private func explore() {
    let clock = RunClock(updates: updates, envSteps: Double(weights.envSteps))
    if exploration.advance(to: clock) { stepper.explore(exploration.epsilons) }
  }

  /// Starts measuring from the oldest update in these weights to the first action with them. If
  /// versions were skipped, their updates are newer than the newest of the last version seen.
  private func measure(_ weights: Weights) {
    if stepper.unmeasuredUpdate == 0, hasWeights {
      stepper.unmeasuredUpdate = weights.version == version + 1 ? weights.oldestUpdate : newestUpdate
    }
    newestUpdate = weights.newestUpdate
  }

  private func flushIfDue(now: Instant) {
    guard !stepper.isPartial, buffer.rows > 0,
      buffer.isFull || isAwaitingGrant || now >= stepper.chunkStartedAt + flushEvery,
      stepper.finishSteps(doOtherWork: doOtherWork)
    else { return }
    flush(now: now)
  }

  /// Sends the buffered rows as one message. While the writer is blocked they stay, or, if a full
  /// buffer is to be dropped (`whenBlocked`), they are dropped and counted.
  private func flush(now: Instant) {
    if writer.cutEpoch != cutEpoch {
      cutEpoch = writer.cutEpoch
      isCut = true
      stepper.items.cut(at: buffer.firstIndex, next: buffer.nextIndex)
    }
    guard let frame = writer.beginFrame(chunks: buffer.count) else {
      if configuration.actor.whenBlocked == .dropOldest, buffer.isFull { drop() }
      return
    }
    buffer.encode(into: frame, weightsVersion: version, isCut: isCut)
    stepper.items.encode(into: frame)
    isCut = false
    buffer.clear()
    writer.commitFrame(now: now, sink: replay)
  }

  private func drop() {
    stepper.statistics.stepsDropped += UInt64(buffer.rows * buffer.count)
    buffer.clear()
    stepper.items.cut(at: buffer.nextIndex, next: buffer.nextIndex)
    isCut = true
  }

  private func deadline(now: Instant) -> Instant {
    var deadline = min(writer.nextDeadline(now: now), min(reporter.nextReport, connection.nextNotice))
    deadline = min(deadline, replay.nextDeadline)
    if !stepper.isReady { deadline = min(deadline, stepper.restartAt) }
    if buffer.rows > 0, !stepper.isPartial, !writer.isBlocked {
      deadline = min(deadline, stepper.chunkStartedAt + flushEvery)
    }
    return deadline
  }

  /// Sends the remaining rows, without waiting for their acknowledgement.
  private func leave() {
    let now = SystemClock.now()
    stepper.abandonSteps()
    if buffer.rows > 0 { flush(now: now) }
    writer.leave(sink: replay)
    reporter.finish(now: now, over: parameters, counters: telemetry())
    let (committed, open) = (writer.counters.messagesCommitted, writer.unacknowledged)
    log.info(
      "stopped after \(stepper.statistics.envSteps) steps, \(stepper.statistics.episodes) episodes; messages: \(committed) acknowledged, "
        + "\(open) unacknowledged, \(writer.counters.messagesDropped) dropped")
  }
}

extension RunConfiguration {
  /// Rows of each environment that fit into a message, by its limits on steps and bytes; at least
  /// 1.
  func rowsPerMessage(stepBytes: Int) -> Int {
    let bySteps = actor.messageSteps / max(1, actor.environments)
    let byBytes = actor.messageBytes / max(1, actor.environments * stepBytes)
    return max(1, min(bySteps, byBytes))
  }
}
