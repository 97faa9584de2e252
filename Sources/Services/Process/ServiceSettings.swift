// A service process's addresses and folders, from environment variables.

public import Experience
public import Foundations
public import Transport

/// The settings that differ between processes, from `ROOKERY_…` environment variables. All others
/// are in the run's configuration.
public struct ServiceSettings: Sendable {
  /// The addresses of the replay's shards. A host name may stand for several shards.
  public var replay: [Endpoint]
  /// The addresses of the shards' taps, in the order of `replay`; none: nothing is published for
  /// recorders.
  public var taps: [Endpoint] = []
  /// The launcher's file of current addresses; nil without a launcher.
  public var addressFile: String?
  /// Where the parameter server receives messages.
  public var parameters: Endpoint
  /// Whether that address was given; without it a recorder or player
  /// does not report.
  public var namesParameters: Bool
  /// Where the parameter server publishes weights.
  public var weights: Endpoint
  /// Where the parameter server serves the dashboard and metrics over HTTP; nil for nowhere.
  public var http: Endpoint?
  /// The address this process listens on.
  public var bindHost: String
  /// The folder of state and checkpoints; nil keeps none.
  public var runDirectory: String?
  /// The process's name in logs and telemetry, for example `actor-1`.
  public var label: String
  /// This process's number among its service's replicas, from 0.
  public var replica: Int
  /// The same if the process was told; nil if it was not.
  public var replicaNumber: Int?
  /// How long the process may take to stop after a signal; nil if it was not told.
  public var stopGrace: Instant.Span?
  /// The secret of this run's processes; nil if the run has none.
  public var runToken: Identifier?
  /// Whether unencrypted TCP beyond this machine is allowed (`ROOKERY_ALLOW_PLAIN_TCP`).
  public var allowsPlainTCP: Bool

  /// Reads the variables of a service from `environment`.
  /// - Throws: `SettingsError` that names the variable, what was expected and what was found.
  public init(service: ServiceKind, environment: [String: String]) throws(SettingsError) {
    func endpoints(_ name: String, _ fallback: String) throws(SettingsError) -> [Endpoint] {
      do {
        return try Endpoint.list(environment[name] ?? fallback)
      } catch {
        throw SettingsError(variable: name, problem: error.description)
      }
    }
    replay = try endpoints("ROOKERY_REPLAY_ADDRESS", "tcp://127.0.0.1:7701")
    parameters = try endpoints("ROOKERY_PARAMETERS_ADDRESS", "tcp://127.0.0.1:7702")[0]
    namesParameters = environment["ROOKERY_PARAMETERS_ADDRESS"]?.isEmpty == false
    weights = try endpoints("ROOKERY_WEIGHTS_ADDRESS", "tcp://127.0.0.1:7703")[0]
    if environment["ROOKERY_TAP_ADDRESS"]?.isEmpty == false {
      taps = try endpoints("ROOKERY_TAP_ADDRESS", "")
    }
    http = try Self.http(environment)
    addressFile = environment["ROOKERY_ADDRESSES_FILE"]
    bindHost = environment["ROOKERY_BIND_HOST"] ?? "127.0.0.1"
    runDirectory = environment["ROOKERY_RUN_DIRECTORY"]
    let number = environment["ROOKERY_REPLICA"] ?? "1"
    guard let replica = Int(number), replica >= 1 else {
      throw SettingsError(variable: "ROOKERY_REPLICA", problem: "expected an integer ≥ 1, found '\(number)'")
    }
    self.replica = replica - 1
    replicaNumber = environment["ROOKERY_REPLICA"] == nil ? nil : replica - 1
    label = "\(service.rawValue)-\(replica)"
    stopGrace = try Self.stopGrace(environment)
    runToken = try Self.runToken(environment)
    allowsPlainTCP = environment["ROOKERY_ALLOW_PLAIN_TCP"] == "1"
    for endpoint in replay { try check(endpoint, of: "ROOKERY_REPLAY_ADDRESS") }
    for endpoint in taps { try check(endpoint, of: "ROOKERY_TAP_ADDRESS") }
    try check(parameters, of: "ROOKERY_PARAMETERS_ADDRESS")
    try check(weights, of: "ROOKERY_WEIGHTS_ADDRESS")
  }

  /// Refuses addresses beyond this machine, unless unencrypted traffic is allowed there.
  func check(_ endpoint: Endpoint, of variable: String) throws(SettingsError) {
    guard !endpoint.isLocal, !allowsPlainTCP else { return }
    throw SettingsError(
      variable: variable,
      problem:
        "expected an address of this machine (127.x.x.x, localhost or ipc), because traffic is not encrypted, "
        + "found \(endpoint); set ROOKERY_ALLOW_PLAIN_TCP=1 on networks that you trust")
  }

  private static func runToken(_ environment: [String: String]) throws(SettingsError) -> Identifier? {
    let name = "ROOKERY_RUN_TOKEN"
    guard let text = environment[name], !text.isEmpty else { return nil }
    // The token is a secret: the message does not quote it.
    guard let token = Identifier(hexadecimal: text) else {
      throw SettingsError(variable: name, problem: "expected 32 hexadecimal digits, found other text")
    }
    return token
  }

  private static func stopGrace(_ environment: [String: String]) throws(SettingsError) -> Instant.Span? {
    let name = "ROOKERY_STOP_GRACE_S"
    guard let text = environment[name], !text.isEmpty else { return nil }
    guard let seconds = Double(text), seconds >= 0 else {
      throw SettingsError(variable: name, problem: "expected seconds, 0 or more, found '\(text)'")
    }
    return .seconds(min(seconds, 1e9))
  }

  /// Parses `http://HOST:PORT`; nil if the variable is empty.
  private static func http(_ environment: [String: String]) throws(SettingsError) -> Endpoint? {
    let name = "ROOKERY_HTTP_ADDRESS"
    guard let text = environment[name], !text.isEmpty else { return nil }
    let bare = text.hasSuffix("/") ? text.dropLast() : text[...]
    guard bare.hasPrefix("http://"), let endpoint = try? Endpoint("tcp://" + bare.dropFirst(7)) else {
      throw SettingsError(
        variable: name, problem: "expected http://HOST:PORT with a port 1…65535 or *, found '\(text)'")
    }
    return endpoint
  }

  /// Where this shard of the replay listens: the list's address of its number, or the last one.
  func replayListening() throws(SettingsError) -> Endpoint {
    try listening(at: replay[min(replica, replay.count - 1)])
  }

  /// Where this shard's tap listens, in the same way; nil without taps.
  func tapListening() throws(SettingsError) -> Endpoint? {
    taps.isEmpty ? nil : try listening(at: taps[min(replica, taps.count - 1)])
  }

  /// The connection for reports to the parameter server; nil if its address was not given.
  func reports(over connector: Connector) throws -> DealerLink? {
    guard namesParameters else { return nil }
    return try DealerLink(
      connector: connector, to: parameters, frameBytesMax: FrameBounds.parameterAnswer)
  }

  /// Where a service listens if its clients connect to `address`: the same port of `bindHost`.
  /// - Throws: `SettingsError` if that is beyond this machine and plain TCP is not allowed.
  public func listening(at address: Endpoint) throws(SettingsError) -> Endpoint {
    let endpoint = address.listening(on: bindHost)
    try check(endpoint, of: "ROOKERY_BIND_HOST")
    return endpoint
  }
}

/// An environment variable that cannot be used.
public struct SettingsError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The variable's name.
  public var variable: String
  /// What was expected, and what was found.
  public var problem: String

  public var description: String { "\(variable): \(problem)" }
}
