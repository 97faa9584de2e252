// Decides which processes should run.

public import Foundations

/// Keeps the services of a compose file running: inputs are time and ends of processes, outputs are
/// actions.
///
/// It starts services in the order of `depends_on`, restarts by policy with exponential back-off,
/// gives up on crash loops, scales, and stops in the opposite order: stop signal, grace period,
/// kill. It has no clock and touches no process: a driver calls it when a process has ended and
/// when `nextDeadline` is reached. Each call costs O(instances).
public struct Supervisor: Sendable {
  /// Times and counts. The defaults suit a person who watches.
  public struct Limits: Hashable, Sendable {
    /// Delay before the first restart; it doubles with each further one.
    public var backOffMin = Instant.Span.milliseconds(100)
    /// Longest delay before a restart.
    public var backOffMax = Instant.Span.seconds(5)
    /// Up time after which the delay begins at `backOffMin` again.
    public var backOffReset = Instant.Span.seconds(10)
    /// A process that ends sooner has failed to start.
    public var startedAfter = Instant.Span.seconds(2)
    /// More failed starts in a row are a crash loop, after which the process is not started again.
    public var failedStartsMax = 5

    public init() {}
  }

  /// An event or a request.
  public enum Input: Hashable, Sendable {
    /// Time passed.
    case tick
    /// An instance's process ended.
    case exited(Instance, ExitReason)
    /// An instance's process could not be started at all.
    case startFailed(Instance, String)
    /// An instance's health check ended.
    case checked(Instance, healthy: Bool)
    /// A service should have this number of replicas.
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
    /// Kill its process group.
    case kill(Instance)
    /// Start its health check and report its end as `.checked`.
    case check(Instance)
    /// Kill the instance's health check; the end of the check is not reported.
    case cancelCheck(Instance)
    case report(Report)
  }

  /// An event to show to the user.
  public enum Report: Hashable, Sendable {
    /// The process ended by itself; without `restartIn` the instance is not started again.
    case exited(Instance, ExitReason, restartIn: Instant.Span?)
    case startFailed(Instance, String, restartIn: Instant.Span?)
    /// The instance is not started again after this many failed starts in a row.
    case crashLoop(Instance, failedStarts: Int)
    case healthy(Instance)
    case unhealthy(Instance)
    /// The instance did not stop within its grace period and was killed.
    case killed(Instance)
    /// The instance stopped as asked.
    case stopped(Instance)
    /// The instance waits for a replica of another service that has ended, and starts if that
    /// replica is restarted.
    case blocked(Instance, by: Instance)
  }

  let limits: Limits
  let services: [String: ComposeService]
  /// Services whose health another service waits for. A check costs a process, so only these are
  /// checked early and often.
  let awaited: Set<String>
  var members: [Instance: Member] = [:]
  /// Set by `.down`; from then on nothing starts.
  private(set) var isStopping = false

  /// Everything starts with the first `.tick`.
  ///
  /// - Parameter services: their dependencies are among them and have no cycle, as `ComposeFile`
  ///   checks.
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

  /// Handles one input and returns the actions, in order. Inputs about unknown instances are
  /// ignored.
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

  /// The latest time of the next `.tick`.
  public var nextDeadline: Instant {
    members.values.map(\.deadline).min() ?? .never
  }

  /// Whether no process is left; after `.down` none starts any more.
  public var isIdle: Bool {
    members.values.allSatisfy { !$0.isProcess }
  }

  /// Whether every instance has ended and does not start again, or waits for one that has ended.
  /// False without instances: if all were scaled away, new ones may be requested.
  public var isOver: Bool {
    !members.isEmpty && members.values.allSatisfy { !$0.isProcess && (!$0.isDue || $0.isBlocked) }
  }

  /// Whether a replica that an instance waits for has ended.
  func isBlocked(_ instance: Instance) -> Bool { members[instance]?.isBlocked ?? false }

  /// Whether an instance exists, in any state.
  func has(_ instance: Instance) -> Bool { members[instance] != nil }

  /// Whether an instance's health check succeeds; false without a health check.
  public func isHealthy(_ instance: Instance) -> Bool {
    members[instance]?.health.isHealthy ?? false
  }

  /// The instances and their states, in order of service and replica.
  public var instances: [(instance: Instance, state: InstanceState)] {
    members.sorted { $0.key < $1.key }.map { ($0.key, $0.value.state) }
  }
}
