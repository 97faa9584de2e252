// Requests of commands to a live launcher.

/// One request to a live launcher. Both ends should be the same version of the program;
/// `ControlFrame` detects others.
public enum ControlRequest: Codable, Hashable, Sendable {
  /// The list of processes.
  case processes
  /// Numbers of replicas by service; all are changed, or none.
  case scale([String: ReplicaChange])
  /// Services (`actor`) or single replicas (`actor-2`) to stop and start again.
  case restart([String])
  /// Stop everything, and end.
  case down
  /// The variables for a process of this service that is started by hand.
  case variables(service: String)
}

/// How many replicas a service should have.
public enum ReplicaChange: Codable, Hashable, Sendable {
  case to(Int)
  /// The change from the number at the time of the request; negative for fewer.
  case by(Int)

  /// `8`, `+2` or `-1`; nil for anything else.
  public init?(_ text: some StringProtocol) {
    guard let number = Int(text) else { return nil }
    self = text.hasPrefix("+") || text.hasPrefix("-") ? .by(number) : .to(number)
  }

  /// The new number for a service that has `current`, at least 0.
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
  /// Why the request was refused; nil if it was carried out.
  public var problem: String?
  /// Every process after the request.
  public var processes: [ProcessReport] = []
  /// The reply to `.variables`; else empty.
  public var variables: [String: String] = [:]
  /// The new numbers of replicas by service, in reply to `.scale`; else empty.
  public var replicas: [String: Int] = [:]

  public init(problem: String? = nil) {
    self.problem = problem
  }
}

/// A line of `rookery ps`.
public struct ProcessReport: Codable, Hashable, Sendable {
  /// The state of a replica, with or without a process.
  public enum State: String, Codable, Hashable, Sendable {
    /// Waits for the services it depends on.
    case waiting
    /// A service it depends on has ended.
    case blocked
    case running
    /// Ended; starts again soon.
    case backingOff
    case stopping
    /// Ended with exit code 0; does not start again.
    case finished
    /// Ended with a failure or failed to start too often; does not start again.
    case failed
    case stopped
  }

  /// The service's name.
  public var service: String
  /// The replica's number, from 1.
  public var replica: Int
  /// The state of the replica.
  public var state: State
  /// More about the state, in words; may be empty.
  public var detail: String
  /// Nil while the replica has no process.
  public var pid: Int32?
  /// The replica's loopback address; nil before its first start.
  public var host: String?
  /// The addresses that the replica listens on, by its `ROOKERY_…_ADDRESS` variables.
  public var addresses: [String]
  /// Seconds since the process started; nil while there is none.
  public var up_s: Double?
  /// Starts after the first.
  public var restarts: Int
  /// Nil without a health check.
  public var isHealthy: Bool?
  /// Path of its log file.
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

  /// Service and replica.
  public var instance: Instance { Instance(service, replica) }
}

/// A request or reply with the version of the format. Each is one line of JSON; the connection
/// closes after the reply.
struct ControlFrame<Body: Codable>: Codable {
  static var current: Int { 1 }

  var version: Int
  var body: Body

  init(_ body: Body) {
    version = Self.current
    self.body = body
  }
}

/// The part of `ControlFrame` that all versions have.
struct ControlVersion: Codable {
  var version: Int
}
