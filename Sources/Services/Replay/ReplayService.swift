// The replay process: sockets and clock around the machine.

public import Configuration
internal import Environments
internal import Experience
internal import Foundations
internal import ReplayStore
internal import Transport

/// Owns the replay's sockets; `ReplayMachine` decides everything.
public final class ReplayService {
  private let router: RouterLink
  private let links: ReplayLinks
  private let parameters: DealerLink
  private var machine: ReplayMachine
  private var reporter: TelemetryReporter
  private let log: Log
  private let signals: SignalDescriptor
  /// Held until the service ends.
  private let folder: DataFolder?
  /// For `memory` storage with a folder.
  private let lastSnapshot: LastSnapshot?
  /// Tells shards that start later which limits were changed; nil without a folder.
  private let limitsFile: LimitsFile?
  private let snapshotBytesMax: Int
  private let stopGrace: Instant.Span?
  private let publisher: SnapshotPublisher
  /// Reads the steps of drawn batches from the disk if the store is larger than memory.
  private let prefetcher: BackgroundWorker?

  public init(configuration effective: EffectiveConfiguration, settings: ServiceSettings) throws {
    let configuration = effective.run
    signals = try SignalDescriptor(Signals.termination)
    log = Log(settings.label)
    let now = SystemClock.now()
    var system = SeededGenerator.fromSystem()
    let id = Identifier(using: &system)
    var machineConfiguration = ReplayMachine.Configuration(store: configuration.replayStore)
    machineConfiguration.exclusiveTable = configuration.exclusiveTable
    machineConfiguration.pacing = configuration.pacing
    machineConfiguration.waitingBytesMax = configuration.replay.waitingBytes
    machineConfiguration.memoryMax = MachineMemory.availableBytes() ?? .max
    let isFile = configuration.replay.storage == .file
    folder = try Self.claimFolder(settings, isNeeded: isFile, log)
    if let folder, let problem = DataFolder.problem(in: folder.path, isFile: isFile) {
      throw DataFolderError(description: problem)
    }
    if let folder, isFile {
      machineConfiguration.store.storage = .file(path: folder.path)
      machineConfiguration.bytesVerified = Self.bytesVerified
      machineConfiguration.diskMax = DiskSpace.availableBytes(at: folder.path) ?? .max
    }
    let log = log
    lastSnapshot = isFile ? nil : folder.map { LastSnapshot(in: $0.path, log: log) }
    machineConfiguration.initialSnapshot = try lastSnapshot?.found(for: machineConfiguration.store)
    snapshotBytesMax = configuration.replay.snapshotAtEndMB * 1_000_000
    stopGrace = settings.stopGrace
    machineConfiguration.snapshotFolder = settings.runDirectory.map { "\($0)/snapshots" }
    let tapEndpoint = try settings.tapListening()
    machineConfiguration.isTapped = tapEndpoint != nil
    machineConfiguration.wallClockAhead_ns = SystemClock.wallNanoseconds() - SystemClock.now().nanoseconds
    machineConfiguration.runConfiguration = configuration.yaml
    machineConfiguration.shard = folder?.number ?? settings.replica + 1
    publisher = try SnapshotPublisher()
    // Beyond half of the free memory, pages may be evicted and have to be read again.
    machineConfiguration.store.residentMax =
      configuration.replay.memoryMB > 0
      ? configuration.replay.memoryMB * 1_000_000 : machineConfiguration.memoryMax / 2
    prefetcher = isFile ? try BackgroundWorker() : nil
    var recovery = RecoveryLog(log, now: now)
    machine = try ReplayMachine(
      configuration: machineConfiguration, incarnation: id,
      generator: Self.generator(configuration, settings, incarnation: id), now: now,
      progress: { recovery.report($0, of: $1) })
    if let summary = machine.store.recovery { recovery.finish(summary) }
    if effective.namesEnvironment { machine.expect(try Self.stepSchema(configuration, machine.store, log)) }
    machine.frameBytesMax = FrameBounds.insert(
      stepBytes: (machine.store.schema ?? machine.expectedSchema)?.stepByteCount,
      messageSteps: configuration.actor.messageSteps)
    limitsFile = folder.map { LimitsFile(in: $0.path) }
    do {
      let folders = settings.runDirectory.map(DataFolder.all(in:)) ?? []
      if let others = try limitsFile?.begin(beside: folders) { machine.adopt(others) }
    } catch {
      log.warning("\(error)")
    }
    let connector = Connector()
    let endpoint = try settings.replayListening()
    router = try RouterLink(
      connector: connector, listeningOn: endpoint, frameBytesMax: machine.frameBytesMax)
    links = ReplayLinks(
      router: router, tap: try tapEndpoint.map { try TapLink(connector: connector, listeningOn: $0) })
    parameters = try DealerLink(
      connector: connector, to: settings.parameters, frameBytesMax: FrameBounds.parameterAnswer)
    // Not the incarnation: WELCOME tells that to clients, and a client that knows a process's id
    // could report as that process.
    reporter = TelemetryReporter(
      id: Identifier(using: &system), service: .replay, settings: settings,
      interval: .milliseconds(configuration.telemetry.intervalMilliseconds), now: now)
    log.info("listening on \(router.socket.lastEndpoint()), capacity \(configuration.replay.capacity) steps")
  }

  /// Bytes of steps in doubt that are checked before anything is served: 0.1 s if they are in
  /// memory, and less than a second from most disks.
  private static let bytesVerified = 256 << 20

  /// Each incarnation draws differently: a restarted shard, or another one, does not repeat the
  /// same numbers.
  static func generator(
    _ configuration: RunConfiguration, _ settings: ServiceSettings, incarnation: Identifier
  ) -> SeededGenerator {
    SeededGenerator(
      seed: configuration.seed,
      part: "replay" + (configuration.replay.repeatsDraws ? "" : " \(incarnation)"), index: settings.replica)
  }

  /// The schema of the run's environment. Nil if the environment cannot be asked, or if stored
  /// steps tell it: a restart then waits for no Python.
  private static func stepSchema(
    _ configuration: RunConfiguration, _ store: ReplayStore, _ log: Log
  ) throws -> StepSchema? {
    guard store.statistics.head == 0 else { return nil }
    do {
      return configuration.stepSchema(of: try configuration.environmentSpec())
    } catch let failure as EnvironmentFailure {
      log.warning(
        "the first writer's schema is used, because the environment cannot be asked for its own: \(failure)")
      return nil
    }
  }

  /// Claims the numbered folder of this shard. Storage in memory goes on without one if none can be
  /// claimed.
  private static func claimFolder(
    _ settings: ServiceSettings, isNeeded: Bool, _ log: Log
  ) throws -> DataFolder? {
    if !isNeeded, settings.runDirectory == nil { return nil }
    do {
      return try DataFolder.claim(in: settings.runDirectory, replica: settings.replica)
    } catch  where !isNeeded {
      log.warning("\(error): no snapshot is kept at the end")
      return nil
    }
  }

  /// Serves until SIGTERM or SIGINT.
  public func run() throws {
    lastSnapshot?.forget()
    var poller = Poller()
    poller.add(router.socket)
    if let tap = links.tap { poller.add(tap.publisher.socket) }
    let signalIndex = poller.add(descriptor: signals.descriptor)
    let prefetcherIndex = prefetcher.map { poller.add(descriptor: $0.descriptor) }
    let publisherIndex = poller.add(descriptor: publisher.descriptor)
    let roomIndex = poller.add(descriptor: router.wakeUp.descriptor)
    submitPrefetchRequests()
    // The prefetcher reads from the store's mappings.
    defer { prefetcher?.stop() }
    while true {
      let now = SystemClock.now()
      followTap(now: now)
      machine.advance(to: now, sink: links)
      machine.answerReceived(now: now, sink: links)
      reporter.advance(to: now, over: parameters) { counters(now: now) }
      for notice in machine.takeNotices() { log.info(notice) }
      for warning in machine.takeWarnings() { log.warning(warning) }
      if let limits = machine.takeNewLimits() { publish(limits) }
      if let path = machine.advanceSnapshot(now: now, sink: links) { publisher.publish(path) }
      let deadline = min(machine.nextDeadline(now: now), reporter.nextReport)
      poller.wait(until: min(deadline, machine.nextSnapshot), now: now)
      if let prefetcher, let prefetcherIndex, poller.isReadable(prefetcherIndex) {
        let read = SystemClock.now()
        for ticket in prefetcher.finished() { machine.didPrefetch(ticket, now: read, sink: links) }
      }
      if poller.isReadable(roomIndex) {
        router.wakeUp.clear()
        machine.lookForRoom(now: SystemClock.now(), sink: links)
      }
      if poller.isReadable(publisherIndex) {
        for (path, problem) in publisher.finished() { machine.didPublish(path, problem: problem) }
      }
      if poller.isReadable(signalIndex), try signals.read() != nil { break }
      let received = SystemClock.now()
      router.drain { machine.receive($0, from: $1, now: received, sink: links) }
      machine.answerReceived(now: received, sink: links)
      submitPrefetchRequests()
      parameters.drain { _ in }
    }
    let now = SystemClock.now()
    reporter.finish(now: now, over: parameters, counters: counters(now: now))
    // The rest of the grace time is for what follows the snapshot.
    let deadline = stopGrace.map { now + .seconds($0.seconds * 0.8) } ?? .never
    lastSnapshot?.make(of: &machine, bytesMax: snapshotBytesMax, deadline: deadline)
    machine.store.end()
    limitsFile?.remove()
    log.info("stopped after \(machine.counters.messagesCommitted) messages")
  }

  /// Tells the machine who listens to the tap.
  private func followTap(now: Instant) {
    guard let (isListened, isNew) = links.tap?.changes() else { return }
    if isNew { machine.tapWasSubscribed(now: now, sink: links) }
    if !isListened { machine.tapWasLeft() }
  }

  private func submitPrefetchRequests() {
    guard let prefetcher else { return }
    for request in machine.takePrefetchRequests() {
      prefetcher.submit(request.ticket, isNext: request.isUrgent) { request.pages.prefetch() }
    }
  }

  private func publish(_ limits: LimitsByTable) {
    do {
      try limitsFile?.write(limits)
    } catch {
      log.warning("\(error): shards that start later begin with the configuration's limits")
    }
  }

  private func counters(now: Instant) -> [String: Double] {
    let own: [Metric: Double] = [
      .frames_discarded_total: Double(router.discarded), .sends_dropped_total: Double(router.sendsDropped),
      .tap_dropped_total: Double(links.tap?.dropped ?? 0),
    ]
    return machine.telemetry(now: now).merging(own.named) { $1 }
  }
}
