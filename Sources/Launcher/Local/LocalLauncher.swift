// Runs a compose file as processes of this machine.

public import Foundations
import Configuration

/// Carries out the decisions of a `Supervisor`. It never blocks: call `tick` when a child has ended
/// (SIGCHLD), and at `nextDeadline` at the latest.
///
/// Dropping it kills every process that is left.
public struct LocalLauncher<Host: ProcessHost>: ~Copyable {
  /// Lines of a log shown with a failure.
  private static var logLinesMax: Int { 20 }

  enum Owner: Hashable {
    case instance(Instance)
    case check(Instance)
    /// A check that was cancelled; its end is ignored.
    case cancelledCheck
  }

  let services: [String: ComposeService]
  let options: LaunchOptions
  var network: LoopbackNetwork
  /// The folder of the sockets of this program's services; nil: all services listen on TCP.
  let sockets: SocketFolder?
  private(set) var supervisor: Supervisor
  private var host: Host
  private var owners: [Int32: Owner] = [:]
  private var starts: [Instance: Start] = [:]
  /// The contents of each service's file of addresses.
  var published: [String: String] = [:]

  /// The starts of an instance: the latest one, and their number.
  private struct Start {
    var host: String?
    var listening: [String: String] = [:]
    var at: Instant
    var count: Int
  }

  /// Prepares a launch; nothing starts before the first `tick`.
  ///
  /// - Parameter sockets: the run's folder of sockets, which exists until this value is dropped;
  ///   nil for TCP.
  /// - Throws: `LaunchError` for replicas of unknown services, and if the run's folder cannot be
  ///   made.
  public init(
    compose: ComposeFile, options: LaunchOptions, network: consuming LoopbackNetwork,
    sockets: SocketFolder? = nil,
    host: Host
  ) throws(LaunchError) {
    let names = compose.services.map(\.name)
    for name in options.replicas.keys.sorted() { try Self.check(name, among: names) }
    var services = compose.services
    for index in services.indices {
      services[index].replicas = options.replicas[services[index].name] ?? services[index].replicas
    }
    try Folder.make(options.runDirectory + "/logs")
    self.services = Dictionary(services.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    self.options = options
    self.network = network
    self.sockets = sockets
    self.host = host
    supervisor = Supervisor(services: services, limits: options.limits)
  }

  deinit {
    for pid in owners.keys { host.signal(pid, SignalName.kill, group: true) }
  }

  /// The latest time of the next `tick`.
  public var nextDeadline: Instant { supervisor.nextDeadline }

  /// Whether no process of a service is left.
  public var isIdle: Bool { supervisor.isIdle }

  /// Whether nothing runs, and nothing will start unless it is asked to.
  public var isOver: Bool { supervisor.isOver }

  /// Reaps ended processes and does everything that is due.
  public mutating func tick(now: Instant) -> [LaunchEvent] {
    var events: [LaunchEvent] = []
    for (pid, reason) in host.reap() {
      switch owners.removeValue(forKey: pid) {
      case .instance(let instance): perform(.exited(instance, reason), now, &events)
      case .check(let instance): perform(.checked(instance, healthy: reason.isSuccess), now, &events)
      case .cancelledCheck, nil: break
      }
    }
    perform(.tick, now, &events)
    return events
  }

  /// Changes a service's number of replicas, 0 to 10,000.
  ///
  /// - Throws: `LaunchError` for an unknown service, an invalid number, or a file of addresses that
  ///   cannot be written.
  public mutating func scale(
    _ service: String, to count: Int, now: Instant
  ) throws(LaunchError) -> [LaunchEvent] {
    try check(service, count: count)
    var events: [LaunchEvent] = []
    perform(.scale(service, count), now, &events)
    try publishAddresses()
    return events
  }

  /// Stops a service's processes and starts them again.
  ///
  /// - Throws: `LaunchError` for an unknown service.
  public mutating func restart(_ service: String, now: Instant) throws(LaunchError) -> [LaunchEvent] {
    try Self.check(service, among: services.keys.sorted())
    var events: [LaunchEvent] = []
    perform(.restart(service), now, &events)
    return events
  }

  /// Begins to stop everything in order; call `tick` until `isIdle`.
  public mutating func down(now: Instant) -> [LaunchEvent] {
    var events: [LaunchEvent] = []
    perform(.down, now, &events)
    return events
  }

  /// Kills every process that is left.
  public mutating func kill() {
    for pid in owners.keys { host.signal(pid, SignalName.kill, group: true) }
  }

  /// Every instance, in order of service and replica.
  public var processes: [ProcessStatus] {
    var pids: [Instance: Int32] = [:]
    for (pid, owner) in owners {
      if case .instance(let instance) = owner { pids[instance] = pid }
    }
    return supervisor.instances.map { instance, state in
      let start = starts[instance]
      let pid = pids[instance]
      return ProcessStatus(
        instance: instance, state: state, isBlocked: supervisor.isBlocked(instance), pid: pid,
        host: start?.host, listening: start?.listening ?? [:],
        startedAt: pid == nil ? nil : start?.at, restarts: max(0, (start?.count ?? 0) - 1),
        isHealthy: services[instance.service]?.healthcheck == nil ? nil : supervisor.isHealthy(instance),
        log: log(of: instance))
    }
  }

  /// The file of an instance's output.
  public func log(of instance: Instance) -> String {
    "\(options.runDirectory)/logs/\(instance).log"
  }

  /// Refuses an unknown service and an invalid number of replicas.
  func check(_ service: String, count: Int) throws(LaunchError) {
    try Self.check(service, among: services.keys.sorted())
    guard (0...ComposeDecoder.replicasMax).contains(count) else {
      throw LaunchError("\(service): expected 0 to \(ComposeDecoder.replicasMax) replicas, found \(count)")
    }
  }

  private static func check(_ service: String, among names: [String]) throws(LaunchError) {
    guard !names.contains(service) else { return }
    let nearest = Suggestion.nearest(to: service, among: names).map { "did you mean '\($0)'?" }
    throw LaunchError(
      "expected a service of the compose file, found '\(service)'; "
        + (nearest ?? "its services are \(names.joined(separator: ", "))"))
  }

  mutating func perform(_ input: Supervisor.Input, _ now: Instant, _ events: inout [LaunchEvent]) {
    var inputs = [input]
    while let input = inputs.popLast() {
      for action in supervisor.handle(input, at: now) {
        switch action {
        case .start(let instance):
          if let failure = start(instance, now) { inputs.append(.startFailed(instance, failure)) }
        case .check(let instance):
          if !startCheck(instance) { inputs.append(.checked(instance, healthy: false)) }
        case .signal(let instance, let signal): send(signal, to: .instance(instance), group: false)
        case .kill(let instance): send(SignalName.kill, to: .instance(instance), group: true)
        case .cancelCheck(let instance): cancelCheck(instance)
        case .report(let report):
          events.append(event(report))
          // A later process of the same number is another one and counts its own starts.
          if case .stopped(let instance) = report, !supervisor.has(instance) { starts[instance] = nil }
        }
      }
    }
  }

  private func event(_ report: Supervisor.Report) -> LaunchEvent {
    guard report.isExplained else { return LaunchEvent(report) }
    // A process that starts again gets one line of its log; a final failure gets more.
    let count = report.isFinalFailure ? Self.logLinesMax : 1
    return LaunchEvent(report, logLines: LogTail.lines(of: log(of: report.instance), count: count))
  }

  /// Starts an instance's process; returns the reason if that failed.
  private mutating func start(_ instance: Instance, _ now: Instant) -> String? {
    starts[instance, default: Start(at: now, count: 0)].at = now
    starts[instance]?.count += 1
    do throws(LaunchError) {
      try publishAddresses()
      let command = try command(of: instance, instances: supervisor.instances.map(\.instance))
      let listening = try listening(instance)
      owners[try host.start(command)] = .instance(instance)
      starts[instance]?.host = command.environment["ROOKERY_BIND_HOST"]
      starts[instance]?.listening = listening
      return nil
    } catch {
      return error.description
    }
  }

  private mutating func startCheck(_ instance: Instance) -> Bool {
    guard let check = services[instance.service]?.healthcheck else { return false }
    do throws(LaunchError) {
      let all = supervisor.instances.map(\.instance)
      let command = try command(of: instance, words: check.command, instances: all)
      owners[try host.start(command)] = .check(instance)
      return true
    } catch {
      return false
    }
  }

  private func send(_ signal: Int32, to owner: Owner, group: Bool) {
    for (pid, other) in owners where other == owner { host.signal(pid, signal, group: group) }
  }

  private mutating func cancelCheck(_ instance: Instance) {
    send(SignalName.kill, to: .check(instance), group: true)
    for (pid, owner) in owners where owner == .check(instance) { owners[pid] = .cancelledCheck }
  }
}
