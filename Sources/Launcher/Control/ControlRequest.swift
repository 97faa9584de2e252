// What a command asks of a launcher that is at work.

/// One question to a live launcher. Both ends are the same program; `ControlFrame` tells when they are not.
public enum ControlRequest: Codable, Hashable, Sendable {
  /// What runs.
  case processes
  /// Numbers of replicas by service, all or none of them.
  case scale([String: ReplicaChange])
  /// Services (`actor`) or single replicas (`actor-2`) to stop and start again.
  case restart([String])
  /// Stop everything, and end.
  case down
  /// The variables of a process of this service, for one that is started by hand.
  case variables(service: String)
}

/// How many replicas a service should have.
public enum ReplicaChange: Codable, Hashable, Sendable {
  case to(Int)
  /// More (or, negative, fewer) than it has when the launcher hears of it.
  case by(Int)

  /// `8`, `+2` or `-1`; nil for anything else.
  public init?(_ text: some StringProtocol) {
    guard let number = Int(text) else { return nil }
    self = text.hasPrefix("+") || text.hasPrefix("-") ? .by(number) : .to(number)
  }

  /// The number, of a service that has `current`; 0 instead of less than none.
  func count(from current: Int) -> Int {
    switch self {
    case .to(let count): return count
    case .by(let difference):
      let (sum, overflow) = current.addingReportingOverflow(difference)
      return overflow ? .max : max(0, sum)
    }
  }
}

/// The answer to a `ControlRequest`.
public struct ControlReply: Codable, Hashable, Sendable {
  /// Why nothing was done.
  public var problem: String?
  /// Every process, as it stands after the request.
  public var processes: [ProcessReport] = []
  public var variables: [String: String] = [:]
  /// The numbers of replicas that services were told to have.
  public var replicas: [String: Int] = [:]

  public init(problem: String? = nil) {
    self.problem = problem
  }
}

/// A line of `rookery ps`.
public struct ProcessReport: Codable, Hashable, Sendable {
  public enum State: String, Codable, Hashable, Sendable {
    /// For the services it depends on.
    case waiting
    /// What it depends on has ended.
    case blocked
    case running
    /// Ended; it starts again soon.
    case backingOff
    case stopping
    /// Ended well, for good.
    case finished
    /// Ended for good with a failure, or given up after many.
    case failed
    case stopped
  }

  public var service: String
  public var replica: Int
  public var state: State
  /// More about the state, for people; empty if there is nothing to say.
  public var detail: String
  public var pid: Int32?
  public var host: String?
  /// Where it listens, as far as its `ROOKERY_…_ADDRESS` variables say.
  public var addresses: [String]
  /// Since its process was started, in seconds; nil while it has none.
  public var up_s: Double?
  /// Starts after the first.
  public var restarts: Int
  /// nil without a health check.
  public var isHealthy: Bool?
  public var log: String

  public init(
    service: String, replica: Int, state: State, detail: String, pid: Int32?, host: String?,
    addresses: [String], up_s: Double?, restarts: Int, isHealthy: Bool?, log: String
  ) {
    self.service = service
    self.replica = replica
    self.state = state
    self.detail = detail
    self.pid = pid
    self.host = host
    self.addresses = addresses
    self.up_s = up_s
    self.restarts = restarts
    self.isHealthy = isHealthy
    self.log = log
  }

  public var instance: Instance { Instance(service, replica) }
}

/// What travels: a line of JSON each way, then the connection closes.
struct ControlFrame<Body: Codable>: Codable {
  static var current: Int { 1 }

  var version: Int
  var body: Body

  init(_ body: Body) {
    version = Self.current
    self.body = body
  }
}

/// Only the number, which is there whatever else has changed.
struct ControlVersion: Codable {
  var version: Int
}
