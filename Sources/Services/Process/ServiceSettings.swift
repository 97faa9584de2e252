// What a service process is told about its place in the run.

public import Experience
public import Foundations
public import Transport

/// Addresses and places, from `ROOKERY_…` environment variables; everything else is in the run's configuration.
public struct ServiceSettings: Sendable {
  /// The replay's shards: an address each, or a name that stands for several.
  public var replay: [Endpoint]
  /// Where the launcher keeps the addresses as they are now; nil where there is no launcher.
  public var addressFile: String?
  /// Where the parameter server takes messages, and where it publishes weights.
  public var parameters: Endpoint
  public var weights: Endpoint
  /// Where the parameter server shows the run to browsers and Prometheus; nil for nowhere.
  public var http: Endpoint?
  /// The address this process listens on.
  public var bindHost: String
  /// Where state and checkpoints go; nil keeps none.
  public var runDirectory: String?
  /// For people: `actor-1`.
  public var label: String
  /// This process's number among its service's replicas, from 0.
  public var replica: Int
  /// How long it has to stop, from the signal on; nil if nobody has said so.
  public var stopGrace: Instant.Span?
  /// What tells this run's processes from others; nil if it has nothing that does.
  public var runToken: Identifier?
  /// Unencrypted TCP beyond this machine was asked for.
  public var allowsPlainTCP: Bool

  /// - Throws: `SettingsError` naming the variable, what was expected and what was found.
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
    weights = try endpoints("ROOKERY_WEIGHTS_ADDRESS", "tcp://127.0.0.1:7703")[0]
    http = try Self.http(environment)
    addressFile = environment["ROOKERY_ADDRESSES_FILE"]
    bindHost = environment["ROOKERY_BIND_HOST"] ?? "127.0.0.1"
    runDirectory = environment["ROOKERY_RUN_DIRECTORY"]
    let number = environment["ROOKERY_REPLICA"] ?? "1"
    guard let replica = Int(number), replica >= 1 else {
      throw SettingsError(variable: "ROOKERY_REPLICA", problem: "expected an integer ≥ 1, found '\(number)'")
    }
    self.replica = replica - 1
    label = "\(service.rawValue)-\(replica)"
    stopGrace = try Self.stopGrace(environment)
    runToken = try Self.runToken(environment)
    allowsPlainTCP = environment["ROOKERY_ALLOW_PLAIN_TCP"] == "1"
    for endpoint in replay { try check(endpoint, of: "ROOKERY_REPLAY_ADDRESS") }
    try check(parameters, of: "ROOKERY_PARAMETERS_ADDRESS")
    try check(weights, of: "ROOKERY_WEIGHTS_ADDRESS")
  }

  /// Experience and weights cross other networks in the clear only when that was asked for.
  func check(_ endpoint: Endpoint, of variable: String) throws(SettingsError) {
    guard !endpoint.isLocal, !allowsPlainTCP else { return }
    throw SettingsError(
      variable: variable,
      problem:
        "expected an address of this machine (127.x.x.x, localhost or ipc), as traffic is not encrypted, "
        + "found \(endpoint); set ROOKERY_ALLOW_PLAIN_TCP=1 on networks that you trust")
  }

  private static func runToken(_ environment: [String: String]) throws(SettingsError) -> Identifier? {
    let name = "ROOKERY_RUN_TOKEN"
    guard let text = environment[name], !text.isEmpty else { return nil }
    // It is a secret: what was found is not said.
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

  /// `http://HOST:PORT`, or nothing.
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

  /// Where this shard of the replay listens: the address of its number in the list, as far as there are so many.
  func replayListening() throws(SettingsError) -> Endpoint {
    try listening(at: replay[min(replica, replay.count - 1)])
  }

  /// Where a service listens whose clients find it at `address`.
  public func listening(at address: Endpoint) throws(SettingsError) -> Endpoint {
    let endpoint = address.listening(on: bindHost)
    try check(endpoint, of: "ROOKERY_BIND_HOST")
    return endpoint
  }
}

/// An environment variable that cannot be used.
public struct SettingsError: Error, Hashable, Sendable, CustomStringConvertible {
  public var variable: String
  public var problem: String

  public var description: String { "\(variable): \(problem)" }
}
