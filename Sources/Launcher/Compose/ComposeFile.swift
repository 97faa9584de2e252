// The services of a run, as a compose file describes them.

public import Foundations

/// A compose file, decoded: the subset of the Compose Specification that local processes can honour.
public struct ComposeFile: Hashable, Sendable {
  /// Path, as messages name it.
  public var file: String
  /// The project's name.
  public var name = ""
  /// Where relative paths of the file begin.
  public var directory = ""
  /// In the file's order; those whose profiles are active.
  public var services: [ComposeService]
  /// Names of the volumes declared.
  public var volumes: [String]
  /// Services that take no part, as none of their profiles is active.
  public var inactiveServices: [String] = []
  /// What was read but has no meaning for local processes, a sentence each.
  public var notes: [String]

  public init(file: String, services: [ComposeService], volumes: [String] = [], notes: [String] = []) {
    self.file = file
    self.services = services
    self.volumes = volumes
    self.notes = notes
  }

  public subscript(service: String) -> ComposeService? {
    services.first { $0.name == service }
  }
}

/// One service of a compose file.
public struct ComposeService: Hashable, Sendable {
  public var name: String
  /// Words before those of the command.
  public var entrypoint: [String] = []
  public var command: [String]
  /// The folder it starts in, as a container has it; nil: the launcher's.
  public var workingDirectory: String?
  /// It takes part if one of them is active, or if it has none.
  public var profiles: [String] = []
  public var environment: [String: String]
  public var dependencies: [Dependency]
  public var replicas: Int
  public var restart: RestartPolicy
  public var restartPacing = RestartPacing()
  /// The signal that asks it to stop.
  public var stopSignal: Int32
  /// How long it may take to stop before it is killed.
  public var stopGrace: Instant.Span
  public var healthcheck: Healthcheck?
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
    public enum Condition: String, CaseIterable, Sendable {
      case started = "service_started"
      case healthy = "service_healthy"
      case completed = "service_completed_successfully"
    }

    public var service: String
    public var condition: Condition
    /// Whether it must take part at all.
    public var isRequired = true
    /// Whether the service is restarted when somebody restarts the dependency.
    public var restarts = false

    public init(_ service: String, _ condition: Condition = .started) {
      self.service = service
      self.condition = condition
    }
  }

  /// A folder under a path.
  public struct Mount: Hashable, Sendable {
    public enum Source: Hashable, Sendable {
      /// A named volume, which is a folder of the run.
      case volume(String)
      /// A path of this machine, absolute.
      case folder(String)
    }

    public var source: Source
    /// The path that the service sees in a container.
    public var target: String

    public init(volume: String, target: String) {
      source = .volume(volume)
      self.target = target
    }

    public init(folder: String, target: String) {
      source = .folder(folder)
      self.target = target
    }

    /// The volume's name, if it is one.
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

/// How often and when it is started again, where a compose file says so (`deploy.restart_policy`).
public struct RestartPacing: Hashable, Sendable {
  /// Time before a restart; nil: a back-off that doubles.
  public var delay: Instant.Span?
  /// Most restarts in a row.
  public var limit: Int?
  /// A process that was up as long has been restarted with success; nil: the supervisor's own idea.
  public var window: Instant.Span?

  public init() {}
}

/// A command that tells by its exit code whether a service works.
public struct Healthcheck: Hashable, Sendable {
  public var command: [String]
  public var interval = Instant.Span.seconds(30)
  public var timeout = Instant.Span.seconds(30)
  /// Failures in a row that make it unhealthy.
  public var retries = 3
  /// Time after the start in which failures do not count.
  public var startPeriod = Instant.Span.zero
  /// Time between checks until the first success, within the start period; nil: the supervisor's own.
  public var startInterval: Instant.Span?

  public init(command: [String]) {
    self.command = command
  }
}
