// Carries out requests of commands.

public import Foundations

extension LocalLauncher {
  /// The result of a request.
  public struct Answer {
    /// What the command gets.
    public var reply: ControlReply
    /// What the request caused, for the user of the launcher.
    public var events: [LaunchEvent]
    /// Whether everything was told to stop: call `tick` until `isIdle`, then end.
    public var isDown = false
  }

  /// Carries out a request completely, or, if a part of it is invalid, not at all.
  public mutating func answer(_ request: ControlRequest, now: Instant) -> Answer {
    var answer = Answer(reply: ControlReply(), events: [])
    do throws(LaunchError) {
      switch request {
      case .processes: break
      case .scale(let changes):
        answer.reply.replicas = try counts(changes)
        answer.events = try scale(answer.reply.replicas, now: now)
      case .restart(let names): answer.events = try restart(names, now: now)
      case .down:
        answer.events = down(now: now)
        answer.isDown = true
      case .variables(let service): answer.reply.variables = try variables(of: service)
      }
    } catch {
      answer.reply.problem = error.description
    }
    answer.reply.processes = reports(now: now)
    return answer
  }

  /// The new number of replicas of each service. Throws if one of them is invalid.
  private func counts(_ changes: [String: ReplicaChange]) throws(LaunchError) -> [String: Int] {
    var counts: [String: Int] = [:]
    for (service, change) in changes {
      let count = change.count(from: supervisor.count(of: service))
      try check(service, count: count)
      counts[service] = count
    }
    return counts
  }

  private mutating func scale(_ counts: [String: Int], now: Instant) throws(LaunchError) -> [LaunchEvent] {
    var events: [LaunchEvent] = []
    for (service, count) in counts.sorted(by: { $0.key < $1.key }) {
      events += try scale(service, to: count, now: now)
    }
    return events
  }

  /// - Parameter names: services or replicas; none means every service.
  private mutating func restart(_ names: [String], now: Instant) throws(LaunchError) -> [LaunchEvent] {
    var events: [LaunchEvent] = []
    let instances = processes.map(\.instance)
    let chosen = try (names.isEmpty ? services.keys.sorted() : names).map { name throws(LaunchError) in
      if services[name] == nil, let instance = instances.first(where: { "\($0)" == name }) {
        return Supervisor.Input.restartInstance(instance)
      }
      try check(name, count: 0)
      return Supervisor.Input.restart(name)
    }
    for input in chosen { perform(input, now, &events) }
    return events
  }

  /// What `rookery ps` shows.
  func reports(now: Instant) -> [ProcessReport] {
    processes.map { process in
      let (state, detail) =
        process.isBlocked
        ? (.blocked, "a service it depends on has ended") : Self.describe(process.state, now: now)
      return ProcessReport(
        service: process.instance.service, replica: process.instance.replica, state: state, detail: detail,
        pid: process.pid, host: process.host, addresses: Self.addresses(process.listening),
        up_s: process.startedAt.map { (now - $0).seconds },
        restarts: process.restarts, isHealthy: process.isHealthy, log: process.log)
    }
  }

  /// Addresses for other processes first, then those of web pages.
  private static func addresses(_ listening: [String: String]) -> [String] {
    let sorted = listening.sorted { $0.key < $1.key }.map(\.value)
    return sorted.filter { !$0.hasPrefix("http") } + sorted.filter { $0.hasPrefix("http") }
  }

  private static func describe(_ state: InstanceState, now: Instant) -> (ProcessReport.State, String) {
    switch state {
    case .waiting: return (.waiting, "for the services it depends on")
    case .running: return (.running, "")
    case .backingOff(let until):
      let left = max(0, ((until - now).seconds * 10).rounded() / 10)
      return (.backingOff, "starts again in \(left) s")
    case .stopping: return (.stopping, "")
    case .finished(let reason): return (reason.isSuccess ? .finished : .failed, reason.description)
    case .failed: return (.failed, "ended at once at every start; not started again")
    case .stopped: return (.stopped, "")
    }
  }
}
