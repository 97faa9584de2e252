// The actor process: steps environments, publishes experience, pulls weights.

internal import Algorithms
public import Configuration
internal import Environments
internal import Experience
internal import Foundations
internal import Transport
internal import Wire

/// Many environments as one batch; one row of each a tick. Takes the newest weights before each tick and never waits for any
/// after the first. Sleeps while the replay holds its messages back.
public final class ActorService {
  let configuration: RunConfiguration
  let environments: any EnvironmentBatch
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
  private let signals: SignalDescriptor
  private let epsilons: [Float]
  private let flushEvery: Instant.Span
  private var actions: [Int32]
  private var qSelected: [Float]
  private var qMax: [Float]
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
    environments = try EnvironmentCatalog.make(
      configuration.environment.id, count: count, seed: generator.next())
    let spec = environments.spec
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
    buffer = StepBuffer(
      count: count, schema: schema, capacity: configuration.rowsPerMessage(stepBytes: schema.stepByteCount))
    items = TransitionItems(
      count: count, nStep: configuration.algorithm.nStep, discount: Float(configuration.algorithm.discount))
    let ladder = ExplorationLadder(
      base: Float(configuration.actor.epsilon.base), alpha: Float(configuration.actor.epsilon.exponent))
    epsilons = (0..<count).map { ladder.epsilon(index: $0, count: count) }
    flushEvery = .milliseconds(configuration.actor.flushIntervalMilliseconds)
    actions = Array(repeating: 0, count: count)
    qSelected = Array(repeating: 0, count: count)
    qMax = Array(repeating: 0, count: count)
    statistics.prepare(environments: count)
    connection = ConnectionWatch(settings, now: now)
  }

  /// Acts until SIGTERM or SIGINT.
  /// - Throws: if the replay refuses this actor for good, or an environment fails.
  public func run() throws {
    try environments.reset()
    var poller = Poller()
    poller.add(replay.socket)
    poller.add(parameters.socket)
    let weightsIndices = weights.add(to: &poller)
    let signalIndex = poller.add(descriptor: signals.descriptor)
    log.info("\(environments.count) × \(configuration.environment.id)")
    while true {
      let now = SystemClock.now()
      try exchange(now: now)
      let mayAct = hasWeights && !(buffer.isFull && writer.isBlocked)
      // While it acts it only looks now and then: a poll costs as much as a tick of small environments.
      if !mayAct || statistics.ticks % 64 == 0 {
        poller.wait(
          until: mayAct ? now : deadline(now: now), now: now, except: mayAdopt ? [] : weightsIndices)
        if poller.isReadable(signalIndex), try signals.read() != nil { break }
        if !mayAct { continue }
      }
      try tick(now: now)
    }
    leave()
  }

  /// Everything that comes and goes between two ticks.
  private func exchange(now: Instant) throws {
    var sink = replay
    replay.drain { writer.receive($0, now: now, sink: &sink) }
    writer.advance(to: now, sink: &sink)
    if let refusal = writer.refusal { throw ServiceFailure(service: "replay", refusal: refusal) }
    parameters.drain { _ in }
    if mayAdopt { weights.takeNewest { adopt($0, now: now) } }
    flushIfDue(now: now)
    reporter.advance(to: now, over: parameters) { telemetry() }
    connection.note(now: now, missing: [writer.isReady ? nil : 0, hasWeights ? nil : 1], log)
  }

  /// A chunk carries one version: while its rows cannot be sent, the next weights wait at the socket.
  private var mayAdopt: Bool { buffer.rows == 0 || !writer.isBlocked }

  private func adopt(_ weights: Weights, now: Instant) {
    guard weights.values.count == policy.parameterCount * 4 else {
      statistics.weightsRefused += 1
      guard statistics.weightsRefused == 1 else { return }
      return log.warning(
        "weights of \(weights.values.count / 4) values instead of \(policy.parameterCount) are left out: the parameter server "
          + "has another network; start both from one configuration")
    }
    // A chunk carries one version.
    if buffer.rows > 0 { flush(now: now) }
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

  /// One row of every environment.
  private func tick(now: Instant) throws {
    if buffer.isFull { return }
    if buffer.rows == 0 { chunkStartedAt = now }
    let index = buffer.nextIndex
    let flags = environments.flags
    policy.act(
      observations: environments.observations, count: environments.count, epsilons: epsilons,
      generator: &generator, actions: &actions, qSelected: &qSelected, qMax: &qMax)
    if unmeasuredUpdate > 0 {
      statistics.updateToAction.record(SystemClock.now() - Instant(nanoseconds: unmeasuredUpdate))
      unmeasuredUpdate = 0
    }
    items.observe(index: index, flags: flags, qSelected: qSelected, qMax: qMax)
    buffer.append(observations: environments.observations, actions: actions, flags: flags)
    statistics.count(flags)
    try environments.step(actions: actions)
    buffer.setRewards(environments.rewards)
    items.setRewards(index: index, environments.rewards)
    statistics.add(environments.rewards)
    statistics.ticks += 1
  }

  private func flushIfDue(now: Instant) {
    guard buffer.rows > 0, buffer.isFull || now >= chunkStartedAt + flushEvery else { return }
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
    if buffer.rows > 0, !writer.isBlocked { deadline = min(deadline, chunkStartedAt + flushEvery) }
    return deadline
  }

  /// Sends what is left, without waiting for its acknowledgement.
  private func leave() {
    let now = SystemClock.now()
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
    return max(1, min(bySteps, byBytes))
  }
}
