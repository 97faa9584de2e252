// The parameter server process: sockets, clock and file around the machine.

internal import Algorithms
public import Configuration
internal import Environments
internal import Experience
internal import Foundations
internal import Numerics
internal import Transport
internal import Wire

/// Owns the parameter server's sockets and file; `ParameterServerMachine` has its logic.
public final class ParameterService {
  private let router: RouterLink
  private let publisher: PublisherLink
  private var machine: ParameterServerMachine<ParameterKeeper>
  private var reporter: TelemetryReporter
  private let site: RunSite?
  private let signals: SignalDescriptor
  private let log: Log

  /// Loads the saved weights or makes new ones, and listens.
  /// - Throws: `ParameterStoreError` if the file cannot be used, `SettingsError`, or an error of
  ///   the sockets or the environment.
  public init(configuration: RunConfiguration, settings: ServiceSettings) throws {
    signals = try SignalDescriptor(Signals.termination)
    log = Log(settings.label)
    let now = SystemClock.now()
    var system = SeededGenerator.fromSystem()
    let id = Identifier(using: &system)
    let algorithm = configuration.algorithm(for: try configuration.environmentSpec())
    var machineConfiguration = ParameterServerConfiguration(
      aggregation: Aggregation(configuration.aggregation, algorithm.descent))
    machineConfiguration.milestoneEvery = algorithm.milestoneEvery
    machineConfiguration.token = settings.runToken
    machineConfiguration.publishEvery = .milliseconds(configuration.aggregation.publishIntervalMilliseconds)
    let keeper = try ParameterKeeper(directory: settings.runDirectory)
    if let notice = keeper.notice { log.warning(notice) }
    let state = try keeper.kept ?? Self.initialState(configuration, algorithm)
    if configuration.staleness != nil {
      // Each update is a version. A subscriber misses one in a thousand: libzmq 4.3.4 drops a
      // message that comes while a conflating socket is read. 100 MB/s to each subscriber.
      machineConfiguration.publishEvery = .zero
      machineConfiguration.republishFirst = .seconds(max(0.005, 4 * Double(state.values.count) / 1e8))
    }
    machine = ParameterServerMachine(
      configuration: machineConfiguration, incarnation: id, state: state, store: keeper, now: now)
    if let notice = machine.authority.notice { log.warning(notice) }
    let connector = Connector()
    let requests = try settings.listening(at: settings.parameters)
    let publications = try settings.listening(at: settings.weights)
    // Each client has at most one delta, gradient or request under way.
    router = try RouterLink(
      connector: connector, listeningOn: requests,
      frameBytesMax: FrameBounds.parameterRequest(machine.authority.state.manifest), sendQueue: 16,
      receiveQueue: 8)
    publisher = try PublisherLink(router: router, connector: connector, listeningOn: publications)
    reporter = TelemetryReporter(
      id: id, service: .parameters, settings: settings,
      interval: .milliseconds(configuration.telemetry.intervalMilliseconds), now: now)
    try Self.check(machine.authority.state.manifest, against: algorithm)
    site = try RunSite(configuration: configuration, settings: settings, incarnation: id, now: now)
    log.info(
      "listening on \(requests), publishing \(machine.authority.state.values.count) parameters on \(publications), "
        + "version \(machine.authority.state.version)")
    if let site { log.info("dashboard and metrics at \(site.address)") }
  }

  /// Parameters from the run's seed.
  private static func initialState(
    _ configuration: RunConfiguration, _ algorithm: Algorithm
  ) throws -> ParameterState {
    var generator = SeededGenerator(seed: configuration.seed, part: ServiceKind.parameters.rawValue)
    let values = try algorithm.initialParameters(using: &generator)
    return ParameterState(
      version: 1, updates: 0, merged: [], manifest: try algorithm.manifest(), values: values)
  }

  private static func check(_ manifest: WeightsManifest, against algorithm: Algorithm) throws {
    if let problem = try algorithm.manifest().mismatch(with: manifest) {
      throw ParameterStoreError(
        path: "parameters.rookery",
        problem: "\(problem): the saved weights are of another network; use another run name")
    }
  }

  /// Serves until SIGTERM or SIGINT.
  public func run() throws {
    var poller = Poller()
    poller.add(router.socket)
    poller.add(publisher.subscribers.socket)
    let signalIndex = poller.add(descriptor: signals.descriptor)
    if let site { poller.add(descriptor: site.descriptor) }
    while true {
      let now = SystemClock.now()
      machine.advance(to: now, sink: publisher)
      if now >= reporter.nextReport {
        machine.report(reporter.due(now: now, counters: telemetry()), now: now)
      }
      site?.advance(to: now, evaluations: machine.board.evaluationCount) {
        look(now: now, evaluationsKnown: $0)
      }
      let nextReport = min(reporter.nextReport, site?.nextDeadline ?? .never)
      poller.wait(until: min(machine.nextDeadline(now: now), nextReport), now: now)
      if poller.isReadable(signalIndex), try signals.read() != nil { break }
      let received = SystemClock.now()
      publisher.subscribers.drainSubscriptions { machine.subscribed($0, sink: publisher) }
      // The limit lets due rounds close in between.
      router.drain(limit: 64) { machine.receive($0, from: $1, now: received, sink: publisher) }
      site?.serve(now: received) { look(now: received, evaluationsKnown: $0) }
    }
    machine.finish(now: SystemClock.now())
    log.info("stopped at version \(machine.authority.state.version)")
  }

  private func look(now: Instant, evaluationsKnown: UInt64) -> (status: Status, saveProblem: String?) {
    (machine.status(evaluationsKnown: evaluationsKnown, now: now), machine.authority.saveProblem)
  }

  private func telemetry() -> [String: Double] {
    let (counters, changes) = (machine.counters, machine.authority.counters)
    let merger = machine.authority.merger.counters
    let own: [Metric: Double] = [
      .weights_version: Double(machine.authority.state.version),
      .updates_merged_total: Double(machine.authority.state.updates),
      .changes_merged_total: Double(changes.changesMerged),
      .changes_repeated_total: Double(changes.changesRepeated),
      .changes_refused_total: Double(changes.changesRefused),
      .gradients_dropped_total: Double(merger.dropped),
      .gradients_scaled_total: Double(merger.scaled),
      .gradient_staleness: merger.staleness,
      .learners_waiting: Double(merger.waiting),
      .updates_lost_total: Double(merger.updatesLost),
      .publications_total: Double(changes.publications),
      .save_failures_total: Double(changes.saveFailures),
      .malformed_total: Double(counters.malformed),
      .strangers_refused_total: Double(counters.strangersRefused),
      .impostors_refused_total: Double(counters.impostorsRefused),
      .reports_dropped_total: Double(machine.board.reportsDropped),
      .requests_dropped_total: Double(counters.requestsDropped),
      .subscribers_cut_off_total: Double(publisher.subscribers.cutOff),
      .newcomers_dropped_total: Double(changes.newcomersDropped),
      .frames_discarded_total: Double(router.discarded),
      .sends_dropped_total: Double(router.sendsDropped),
    ]
    return own.merging(site?.telemetry() ?? [:]) { own, _ in own }.named
  }
}

/// Saves to the run's folder, or nowhere if the run has none.
struct ParameterKeeper: ParameterStore {
  private let file: FileParameterStore?
  private let lock: FileLock?
  let kept: ParameterState?
  /// A problem with the file that the user should know.
  let notice: String?

  init(directory: String?) throws {
    let path = directory.map { $0 + "/parameters.rookery" }
    file = try path.map { try FileParameterStore(path: $0) }
    lock = try path.map(Self.lock)
    kept = try file?.load()
    notice = file?.notice
  }

  /// Locks the file, because two servers that write it would corrupt it. It waits 2 s for a server
  /// that is being killed.
  private static func lock(_ path: String) throws -> FileLock {
    guard let lock = try FileLock.acquire(path, patience: .seconds(2)) else {
      throw ParameterStoreError(
        path: path, problem: "another parameter server has it open; stop that one, or use another folder")
    }
    return lock
  }

  mutating func save(_ state: borrowing ParameterState) throws {
    try file?.save(state)
  }
}
