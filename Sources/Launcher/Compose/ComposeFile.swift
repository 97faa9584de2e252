// The services of a run, as a compose file describes them.

public import Foundations

/// A decoded compose file: the subset of the Compose Specification that local processes can honour.
public struct ComposeFile: Hashable, Sendable {
  /// Path, as messages name it.
  public var file: String
  /// The project's name.
  public var name = ""
  /// The folder to which relative paths of the file are relative.
  public var directory = ""
  /// The active services, in the file's order.
  public var services: [ComposeService]
  /// Names of the declared volumes.
  public var volumes: [String]
  /// Services that do not start, as none of their profiles is active.
  public var inactiveServices: [String] = []
  /// Sentences about keys that have no effect on local processes.
  public var notes: [String]

  public init(file: String, services: [ComposeService], volumes: [String] = [], notes: [String] = []) {
    self.file = file
    self.services = services
    self.volumes = volumes
    self.notes = notes
  }

  /// The active service of a name.
  public subscript(service: String) -> ComposeService? {
    services.first { $0.name == service }
  }
}

/// One service of a compose file.
public struct ComposeService: Hashable, Sendable {
  /// Letters, digits, `.`, `_` and `-`, at most 63.
  public var name: String
  /// Words before those of the command.
  public var entrypoint: [String] = []
  /// Words after those of the entrypoint.
  public var command: [String]
  /// The folder it starts in, as a path in the container; nil: the launcher's folder.
  public var workingDirectory: String?
  /// The service is active if one of them is active, or if it has none.
  public var profiles: [String] = []
  /// Variables by name, untranslated.
  public var environment: [String: String]
  /// Services that must be up before this one starts.
  public var dependencies: [Dependency]
  /// Processes of the service, 0 to 10,000.
  public var replicas: Int
  /// When a process that ended is started again.
  public var restart: RestartPolicy
  /// Delay and limits of restarts.
  public var restartPacing = RestartPacing()
  /// The signal that asks it to stop.
  public var stopSignal: Int32
  /// Time it gets to stop before it is killed.
  public var stopGrace: Instant.Span
  /// Nil if the service has none.
  public var healthcheck: Healthcheck?
  /// Folders that its container paths stand for.
  public var mounts: [Mount]

  public init(name: String, command: [String]) {
    self.name = name
    self.command = command
    environment = [:]
    dependencies = []
    replicas = 1
    restart = .no
    stopSignal = 15
    stopGrace = .seconds(10)
    healthcheck = nil
    mounts = []
  }

  /// The program and its arguments.
  public var words: [String] { entrypoint + command }

  /// A service that must be up before this one starts.
  public struct Dependency: Hashable, Sendable {
    /// When the dependency counts as up.
    public enum Condition: String, CaseIterable, Sendable {
      case started = "service_started"
      case healthy = "service_healthy"
      case completed = "service_completed_successfully"
    }

    /// The name of the other service.
    public var service: String
    /// When the other service counts as up.
    public var condition: Condition
    /// Whether the other service must be active.
    public var isRequired = true
    /// Whether a restart of the other service by a user restarts this one too.
    public var restarts = false

    public init(_ service: String, _ condition: Condition = .started) {
      self.service = service
      self.condition = condition
    }
  }

  /// A folder and its path in the container.
  public struct Mount: Hashable, Sendable {
    /// The folder on this machine.
    public enum Source: Hashable, Sendable {
      /// A named volume, which is a folder of the run.
      case volume(String)
      /// An absolute path of this machine.
      case folder(String)
    }

    /// The folder on this machine.
    public var source: Source
    /// The path in the container, absolute.
    public var target: String

    public init(volume: String, target: String) {
      source = .volume(volume)
      self.target = target
    }

    public init(folder: String, target: String) {
      source = .folder(folder)
      self.target = target
    }

    /// The volume's name; nil for a path of this machine.
    public var volume: String? {
      if case .volume(let name) = source { return name }
      return nil
    }
  }
}

/// When a process that ended is started again.
public enum RestartPolicy: Hashable, Sendable {
  case no
  /// After a failure, at most `limit` times in a row if there is a limit.
  case onFailure(limit: Int?)
  case always
  case unlessStopped
}

/// Delay and limits of restarts (`deploy.restart_policy`).
public struct RestartPacing: Hashable, Sendable {
  /// Time before a restart; nil: a back-off that doubles.
  public var delay: Instant.Span?
  /// Most restarts in a row; nil: no limit.
  public var limit: Int?
  /// Up time after which a restart counts as successful; nil: `Supervisor.Limits.backOffReset`.
  public var window: Instant.Span?

  public init() {}
}

/// A command whose exit code says whether a service works: 0 if it does.
public struct Healthcheck: Hashable, Sendable {
  /// The program and its arguments.
  public var command: [String]
  /// Time between two checks.
  public var interval = Instant.Span.seconds(30)
  /// A check that takes longer is killed and counts as failed.
  public var timeout = Instant.Span.seconds(30)
  /// Failures in a row that make the service unhealthy.
  public var retries = 3
  /// Time after the start in which failures do not count.
  public var startPeriod = Instant.Span.zero
  /// Time between checks until the first success, within the start period; nil: the supervisor's
  /// default.
  public var startInterval: Instant.Span?

  public init(command: [String]) {
    self.command = command
  }
}
