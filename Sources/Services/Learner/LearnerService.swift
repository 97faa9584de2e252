// The learner process: the machine's sockets, clock and files.

internal import Algorithms
public import Configuration
internal import Environments
internal import Experience
internal import Foundations
internal import Transport
internal import Wire

/// The learner on one thread, which waits only when no batch is there.
public final class LearnerService {
  private let configuration: RunConfiguration
  private var machine: LearnerMachine
  private let replay: ShardLinks
  private let parameters: DealerLink
  private let weights: WeightsLink
  private var reporter: TelemetryReporter
  private let checkpoints: CheckpointFolder?
  /// Held until the service ends; nil without a folder.
  private let name: LearnerName?
  private let log: Log
  private let signals: SignalDescriptor
  private var nextCheckpoint: Instant
  private var connection: ConnectionWatch
  /// A divergence has been noticed, which is saved at once and not only at the next checkpoint.
  private var knowsDivergence = false

  /// Resumes the learner's checkpoint if the run has one, and connects.
  /// - Throws: if the environment, the checkpoint or a socket cannot be had.
  public init(configuration: RunConfiguration, settings: ServiceSettings) throws {
    signals = try SignalDescriptor(Signals.termination)
    self.configuration = configuration
    log = Log(settings.label)
    let now = SystemClock.now()
    var system = SeededGenerator.fromSystem()
    let id = Identifier(using: &system)
    let environment = try configuration.environmentSpec()
    let algorithm = configuration.algorithm(for: environment)
    let manifest = try algorithm.manifest()
    let rule = try algorithm.rule(batchMax: configuration.algorithm.batch)
    var name: LearnerName?
    var checkpoints: CheckpointFolder?
    if let folder = settings.runDirectory {
      let claimed = LearnerName.claim(in: folder, replica: settings.replica, log)
      name = claimed
      checkpoints = CheckpointFolder(path: folder + "/checkpoints", label: claimed.text, manifest: manifest)
    }
    self.name = name
    self.checkpoints = checkpoints
    let resumed = try checkpoints?.resume(rule, log)
    machine = LearnerMachine(
      configuration: configuration.learnerMachine(environment, algorithm), rule: rule,
      sampler: configuration.sampler(id: id, label: settings.label, generator: system, now: now),
      member: MemberMachine(
        configuration: MemberMachine.Configuration(
          id: id, token: settings.runToken, label: settings.label, manifest: manifest,
          aggregation: Aggregation(configuration.aggregation, algorithm.descent)), now: now),
      resumed: resumed ?? ResumedLearner())
    let connector = Connector()
    replay = ShardLinks(connector: connector, settings: settings, log: log, now: now)
    parameters = try DealerLink(
      connector: connector, to: settings.parameters, frameBytesMax: FrameBounds.parameterAnswer(manifest))
    weights = try WeightsLink(
      connector: connector, to: settings.weights, id: id, manifest: manifest,
      milestones: algorithm.milestoneEvery != nil)
    reporter = TelemetryReporter(
      id: id, service: .learner, settings: settings,
      interval: .milliseconds(configuration.telemetry.intervalMilliseconds), now: now)
    nextCheckpoint = now + .seconds(configuration.learner.checkpointIntervalSeconds)
    connection = ConnectionWatch(settings, now: now)
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
      try processMessages(now: now)
      if generation != replay.generation {
        generation = replay.generation
        poller.removeAll(after: fixed)
        replay.add(to: &poller)
      }
      if try machine.beginUpdate(now: now) {
        machine.endUpdate(at: SystemClock.now(), replay: replay, parameters: parameters)
        updatesSinceLook += 1
        if updatesSinceLook < 16 { continue }
      }
      // With work to do it only checks for a signal.
      let hasWork = updatesSinceLook >= 16 || machine.prepareNext()
      updatesSinceLook = 0
      poller.wait(until: hasWork ? now : deadline(now: now), now: now)
      if poller.isReadable(signalIndex), try signals.read() != nil { break }
    }
    leave()
  }

  private func processMessages(now: Instant) throws {
    try replay.updateShards(now: now) { machine.setShards($0, now: now, replay: replay) }
    replay.drain(limit: 64) { machine.receive($0, from: $1, now: now, replay: replay) }
    parameters.drain { machine.receive($0, now: now, parameters: parameters) }
    weights.receiveNewest(milestone: { machine.adoptMilestone($0) }, { machine.adopt($0) })
    machine.advance(to: now, replay: replay, parameters: parameters)
    logNotices()
    if let (service, refusal) = machine.refusal { throw ServiceFailure(by: service, refusal) }
    let hasJustDiverged = machine.statistics.hasDiverged && !knowsDivergence
    knowsDivergence = machine.statistics.hasDiverged
    if now >= nextCheckpoint || hasJustDiverged {
      nextCheckpoint = now + .seconds(configuration.learner.checkpointIntervalSeconds)
      saveCheckpoint()
    }
    reporter.advance(to: now, over: parameters) { telemetry(now: now) }
    let isReady = (machine.sampler.isReady, machine.member.hasWeights)
    connection.update(now: now, missing: [isReady.0 ? nil : 0, isReady.1 ? nil : 1], log)
  }

  private func logNotices() {
    for notice in machine.takeNotices() {
      switch notice.level {
      case .info: log.info(notice.text)
      case .warning: log.warning(notice.text)
      case .error: log.error(notice.text)
      }
    }
  }

  /// Saves what is new and good. A failure is logged and counted, and training goes on.
  private func saveCheckpoint() {
    guard let checkpoints else { return }
    if machine.faults.isUnsaved {
      counting(checkpoints.leftOutPath) {
        try checkpoints.save(machine.faults.leftOut)
        machine.faults.isUnsaved = false
      }
    }
    guard machine.hasCheckpoint else { return }
    counting("checkpoint") {
      try checkpoints.save(
        parameters: machine.rule.parameters(), state: machine.rule.state,
        metadata: [
          "updates": String(machine.statistics.updates), "version": String(machine.member.version),
          "environment": configuration.environment.id,
          "algorithm": configuration.algorithm.name.rawValue,
        ])
      machine.statistics.updatesSaved = machine.statistics.updates
    }
  }

  private func counting(_ what: String, _ save: () throws -> Void) {
    do {
      try save()
    } catch {
      machine.statistics.checkpointFailures += 1
      log.error("\(what): \(error)")
    }
  }

  private func telemetry(now: Instant) -> [String: Double] {
    let own: [Metric: Double] = [
      .weights_refused_total: Double(weights.notFinite),
      .malformed_total: Double(machine.malformed + weights.malformed),
    ]
    return machine.telemetry(now: now).merging(own.named) { $1 }
  }

  private func deadline(now: Instant) -> Instant {
    let deadline = min(machine.nextDeadline(now: now), reporter.nextReport, nextCheckpoint)
    return min(deadline, connection.nextNotice, replay.nextDeadline)
  }

  private func leave() {
    saveCheckpoint()
    let now = SystemClock.now()
    machine.leave(now: now, replay: replay, parameters: parameters)
    reporter.finish(now: now, over: parameters, counters: telemetry(now: now))
    log.info("stopped after \(machine.statistics.updates) updates")
  }
}

extension RunConfiguration {
  func learnerMachine(_ environment: EnvironmentSpec, _ algorithm: Algorithm) -> LearnerMachine.Configuration
  {
    var machine = LearnerMachine.Configuration(
      batch: self.algorithm.batch, fields: table.batchFields(of: stepSchema(of: environment)))
    machine.updatesPerSecondMax = learner.updatesPerSecondMax
    machine.importance = importance
    machine.staleness = staleness
    machine.milestoneEvery = algorithm.milestoneEvery
    return machine
  }

  func sampler(id: Identifier, label: String, generator: SeededGenerator, now: Instant) -> ShardedSampler {
    var shard = SamplerMachine.Configuration(
      id: id, label: label, table: table, batch: algorithm.batch)
    shard.batchesPerRequest = learner.batchesPerRequest
    shard.inFlight = learner.samplesInFlight
    var configuration = ShardedSampler.Configuration(sampler: shard)
    configuration.split = shardSplit
    configuration.isConsumed = isConsumed
    // Under a bound on staleness no batch waits while another is trained on, unless the shard paces
    // actors for it. It holds a batch of shared gradients back in any case.
    if let staleness {
      configuration.batchesMax = staleness.keeping == .pace && aggregation.kind == .averaging ? 2 : 1
    }
    configuration.isExclusive = exclusiveTable != nil
    return ShardedSampler(configuration: configuration, generator: generator, now: now)
  }
}
