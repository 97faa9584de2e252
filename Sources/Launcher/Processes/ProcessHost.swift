// What the launcher asks of an operating system.

/// Starts, signals and reaps processes.
public protocol ProcessHost {
  /// Starts a process in a group of its own and returns its id.
  mutating func start(_ command: LaunchCommand) throws(LaunchError) -> Int32
  /// Sends a signal to a process started here, or to its whole group; one that is gone is ignored.
  func signal(_ pid: Int32, _ signal: Int32, group: Bool)
  /// The processes that ended since the last call. Does not wait.
  mutating func reap() -> [(pid: Int32, status: ExitReason)]
}

/// A process to start.
public struct LaunchCommand: Hashable, Sendable {
  /// The program and its arguments.
  public var arguments: [String]
  /// All of its variables.
  public var environment: [String: String]
  /// Standard output and error are appended here.
  public var log: String
  /// The folder it starts in; nil: this process's own.
  public var workingDirectory: String?

  public init(arguments: [String], environment: [String: String], log: String) {
    self.arguments = arguments
    self.environment = environment
    self.log = log
  }
}

/// Why something could not be launched: what was tried, what happened, what to do.
public struct LaunchError: Error, Hashable, Sendable, CustomStringConvertible {
  public var description: String

  public init(_ description: String) {
    self.description = description
  }
}
