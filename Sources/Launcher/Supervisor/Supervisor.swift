// Decides which processes run, without touching one.

public import Foundations

/// Keeps the services of a compose file as they should be: time and ends of processes in, actions out.
///
/// Starts in the order of `depends_on`, restarts by policy with exponential back-off, gives up on crash loops, scales, and
/// stops in the opposite order: stop signal, grace period, kill. It has no clock; a driver calls it when a process ended and
/// when `nextDeadline` is reached. Each call costs O(instances).
public struct Supervisor: Sendable {
  /// Times and counts; their defaults are for people who watch.
  public struct Limits: Hashable, Sendable {
    /// Delay before the first restart; doubles with each.
    public var backOffMin = Instant.Span.milliseconds(100)
    public var backOffMax = Instant.Span.seconds(5)
    /// A process that was up as long starts again at `backOffMin`.
    public var backOffReset = Instant.Span.seconds(10)
    /// A process that ends sooner has failed to start.
    public var startedAfter = Instant.Span.seconds(2)
    /// More failed starts in a row are a crash loop: it is not started again.
    public var failedStartsMax = 5

    public init() {}
  }

  /// What happened or is wanted.
  public enum Input: Hashable, Sendable {
    /// Time passed.
    case tick
    /// An instance's process ended.
    case exited(Instance, ExitReason)
    /// An instance's process could not be started at all.
    case startFailed(Instance, String)
    /// An instance's health check ended.
    case checked(Instance, healthy: Bool)
    /// A service should have as many replicas.
    case scale(String, Int)
    /// A service should be stopped and started again.
    case restart(String)
    /// One replica should be stopped and started again.
    case restartInstance(Instance)
    /// Everything should stop.
    case down
  }

  /// What the driver must do.
  public enum Action: Hashable, Sendable {
    case start(Instance)
    case signal(Instance, Int32)
    /// Kill it with everything it started.
    case kill(Instance)
    /// Start its health check and report its end as `.checked`.
    case check(Instance)
    /// Kill its health check, which takes too long; its end is not reported.
    case cancelCheck(Instance)
    case report(Report)
  }

  /// What people should be told.
  public enum Report: Hashable, Sendable {
    /// It ended by itself; nil: it is not started again.
    case exited(Instance, ExitReason, restartIn: Instant.Span?)
    case startFailed(Instance, String, restartIn: Instant.Span?)
    /// It is given up after as many failed starts.
    case crashLoop(Instance, failedStarts: Int)
    case healthy(Instance)
    case unhealthy(Instance)
    /// It did not stop within its grace period and was killed.
    case killed(Instance)
    /// It stopped as asked.
    case stopped(Instance)
    /// It waits for a replica of another service that ended; it starts if that is restarted.
    case blocked(Instance, by: Instance)
  }

  let limits: Limits
  let services: [String: ComposeService]
  /// Services for whose health another one waits. Checks cost a process each, so they come early only there.
  let awaited: Set<String>
  var members: [Instance: Member] = [:]
  /// Set by `.down`: nothing starts any more.
  private(set) var isStopping = false

  /// Everything starts with the first `.tick`.
  ///
  /// - Parameter services: their dependencies are among them, without a circle, as `ComposeFile` checks.
  public init(services: [ComposeService], limits: Limits = Limits()) {
    self.limits = limits
    self.services = Dictionary(services.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    awaited = Set(
      services.flatMap(\.dependencies).filter { $0.condition == .healthy }.map(\.service))
    for service in services {
      for replica in 0..<max(0, service.replicas) {
        members[Instance(service.name, replica + 1)] = Member()
      }
    }
  }

  /// Takes one input and returns what to do, in order. Inputs about unknown instances are ignored.
  public mutating func handle(_ input: Input, at now: Instant) -> [Action] {
    var actions: [Action] = []
    switch input {
    case .tick: break
    case .exited(let instance, let reason): exited(instance, reason, now, &actions)
    case .startFailed(let instance, let text): startFailed(instance, text, now, &actions)
    case .checked(let instance, let healthy): checked(instance, healthy, now, &actions)
    case .scale(let service, let count): scale(service, count, now, &actions)
    case .restart(let service): restart(service, now, &actions)
    case .restartInstance(let instance): restart(instance, now, &actions)
    case .down: beginDown()
    }
    advance(now, &actions)
    return actions
  }

  private mutating func beginDown() {
    isStopping = true
    for (instance, member) in members where member.isDue { members[instance]?.state = .stopped }
  }

  /// When `.tick` is due at latest.
  public var nextDeadline: Instant {
    members.values.map(\.deadline).min() ?? .never
  }

  /// Whether no process is left; after `.down` it ends there.
  public var isIdle: Bool {
    members.values.allSatisfy { !$0.isProcess }
  }

  /// Whether every instance has ended for good, or waits for one that has (none is there at all, if all were scaled away: then
  /// more may come).
  public var isOver: Bool {
    !members.isEmpty && members.values.allSatisfy { !$0.isProcess && (!$0.isDue || $0.isBlocked) }
  }

  /// Whether what an instance waits for has ended.
  func isBlocked(_ instance: Instance) -> Bool { members[instance]?.isBlocked ?? false }

  /// Whether there is such an instance, whatever it does.
  func has(_ instance: Instance) -> Bool { members[instance] != nil }

  /// Whether an instance's health check says so; false without one.
  public func isHealthy(_ instance: Instance) -> Bool {
    members[instance]?.health.isHealthy ?? false
  }

  /// The instances in order, with what each does.
  public var instances: [(instance: Instance, state: InstanceState)] {
    members.sorted { $0.key < $1.key }.map { ($0.key, $0.value.state) }
  }
}
