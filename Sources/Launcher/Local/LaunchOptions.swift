// How a compose file is launched.

public import Foundations

/// What a launch on this machine needs besides the compose file.
public struct LaunchOptions: Sendable {
  /// The run's folder: `logs/`, and `volumes/` where a command uses one.
  public var runDirectory: String
  /// The program that `rookery` at the start of a command stands for.
  public var executable: String
  /// Variables that processes inherit; those that begin with `ROOKERY_` are left out, so that they reach a process only as in
  /// a container: through the compose file. `ROOKERY_PYTHON` is passed on: which interpreter to take is this machine's affair.
  public var inherited: [String: String]
  /// Variables for every process, over those of the compose file.
  public var environment: [String: String] = [:]
  /// Numbers of replicas that replace those of the compose file.
  public var replicas: [String: Int] = [:]
  public var limits = Supervisor.Limits()

  public init(runDirectory: String, executable: String, inherited: [String: String]) {
    self.runDirectory = runDirectory
    self.executable = executable
    self.inherited = inherited
  }
}

/// Something that people should be told.
public struct LaunchEvent: Hashable, Sendable, CustomStringConvertible {
  public var report: Supervisor.Report
  /// The last lines of its log, if it ended in failure.
  public var logLines: [String]

  public init(_ report: Supervisor.Report, logLines: [String] = []) {
    self.report = report
    self.logLines = logLines
  }

  public var description: String {
    report.description + logLines.map { "\n  | \($0)" }.joined()
  }
}

/// One instance, as it stands.
public struct ProcessStatus: Hashable, Sendable {
  public var instance: Instance
  public var state: InstanceState
  /// What it waits for has ended.
  public var isBlocked: Bool
  /// Its process, while it has one.
  public var pid: Int32?
  /// Its loopback address, once it was started.
  public var host: String?
  /// Where it listens, by the variable that says so, once it was started.
  public var listening: [String: String]
  /// When its process was started, while it has one.
  public var startedAt: Instant?
  /// Starts after the first.
  public var restarts: Int
  /// nil without a health check.
  public var isHealthy: Bool?
  public var log: String
}
