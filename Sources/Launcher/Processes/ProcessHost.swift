// The launcher's interface to an operating system.

/// Starts, signals and reaps processes.
public protocol ProcessHost {
  /// Starts a process in a new process group and returns its id.
  mutating func start(_ command: LaunchCommand) throws(LaunchError) -> Int32
  /// Sends a signal to a process started here, or to its whole group. A process that has ended is
  /// ignored.
  func signal(_ pid: Int32, _ signal: Int32, group: Bool)
  /// The processes that ended since the last call. Does not block.
  mutating func reap() -> [(pid: Int32, status: ExitReason)]
}

/// A process to start.
public struct LaunchCommand: Hashable, Sendable {
  /// The program and its arguments.
  public var arguments: [String]
  /// All variables of the process; none is inherited.
  public var environment: [String: String]
  /// Path of the file to which standard output and error are appended.
  public var log: String
  /// The folder it starts in; nil: the launcher's own.
  public var workingDirectory: String?

  public init(arguments: [String], environment: [String: String], log: String) {
    self.arguments = arguments
    self.environment = environment
    self.log = log
  }
}

/// Why something could not be launched or asked of a launcher.
public struct LaunchError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What was tried, what happened, and what to do.
  public var description: String

  public init(_ description: String) {
    self.description = description
  }
}
