// The options with which a compose file is launched.

public import Foundations

/// What a launch on this machine needs besides the compose file.
public struct LaunchOptions: Sendable {
  /// The run's folder; gets `logs/`, and `volumes/` if a command uses a volume.
  public var runDirectory: String
  /// The program that replaces the word `rookery` at the start of a command.
  public var executable: String
  /// Variables that processes inherit. Those that begin with `ROOKERY_` are left out, as in a
  /// container, where only the compose file sets them. `ROOKERY_PYTHON` is inherited: the
  /// interpreter depends on the machine.
  public var inherited: [String: String]
  /// Variables for every process; they win over those of the compose file.
  public var environment: [String: String] = [:]
  /// Numbers of replicas that replace those of the compose file.
  public var replicas: [String: Int] = [:]
  /// Times and counts of the supervisor.
  public var limits = Supervisor.Limits()

  public init(runDirectory: String, executable: String, inherited: [String: String]) {
    self.runDirectory = runDirectory
    self.executable = executable
    self.inherited = inherited
  }
}

/// An event to show to the user.
public struct LaunchEvent: Hashable, Sendable, CustomStringConvertible {
  /// The event itself.
  public var report: Supervisor.Report
  /// The last lines of the process's log if it ended with a failure; else empty.
  public var logLines: [String]

  public init(_ report: Supervisor.Report, logLines: [String] = []) {
    self.report = report
    self.logLines = logLines
  }

  public var description: String {
    report.description + logLines.map { "\n  | \($0)" }.joined()
  }
}

/// The state of one instance.
public struct ProcessStatus: Hashable, Sendable {
  /// Service and replica.
  public var instance: Instance
  /// The state in which the supervisor has the instance.
  public var state: InstanceState
  /// Whether a service that the instance waits for has ended.
  public var isBlocked: Bool
  /// The id of the instance's process; nil while it has none.
  public var pid: Int32?
  /// The instance's loopback address; nil before its first start.
  public var host: String?
  /// The addresses it listens on, by variable; empty before its first start.
  public var listening: [String: String]
  /// When the process was started; nil while there is none.
  public var startedAt: Instant?
  /// Starts after the first.
  public var restarts: Int
  /// Nil without a health check.
  public var isHealthy: Bool?
  /// Path of its log file.
  public var log: String
}
