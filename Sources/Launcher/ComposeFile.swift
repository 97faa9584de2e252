// The services of a run, as a compose file describes them.

public import Foundations

/// A compose file, decoded: the subset of the Compose Specification that local processes can honour.
public struct ComposeFile: Hashable, Sendable {
  /// Path, as messages name it.
  public var file: String
  /// In the file's order.
  public var services: [ComposeService]
  /// Names of the volumes declared.
  public var volumes: [String]
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
  public var command: [String]
  public var environment: [String: String]
  public var dependencies: [Dependency]
  public var replicas: Int
  public var restart: RestartPolicy
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

  /// A service that must be up before this one starts.
  public struct Dependency: Hashable, Sendable {
    public enum Condition: String, CaseIterable, Sendable {
      case started = "service_started"
      case healthy = "service_healthy"
    }

    public var service: String
    public var condition: Condition

    public init(_ service: String, _ condition: Condition = .started) {
      self.service = service
      self.condition = condition
    }
  }

  /// A named volume under a path.
  public struct Mount: Hashable, Sendable {
    public var volume: String
    /// The path that the service sees in a container.
    public var target: String

    public init(volume: String, target: String) {
      self.volume = volume
      self.target = target
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

/// A command that tells by its exit code whether a service works.
public struct Healthcheck: Hashable, Sendable {
  public var command: [String]
  public var interval = Instant.Span.seconds(30)
  public var timeout = Instant.Span.seconds(30)
  /// Failures in a row that make it unhealthy.
  public var retries = 3
  /// Time after the start in which failures do not count.
  public var startPeriod = Instant.Span.zero

  public init(command: [String]) {
    self.command = command
  }
}
