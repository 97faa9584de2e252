// Addresses of sockets.

/// `tcp://host:port` or `ipc://path`.
public struct Endpoint: Hashable, Sendable {
  /// A port may be `*`: the system chooses one.
  public enum Kind: Hashable, Sendable {
    case tcp(host: String, port: String)
    case ipc(path: String)
  }

  /// The parts of the address.
  public let kind: Kind

  /// Parses an address; the error says what was expected.
  public init(_ text: String) throws(EndpointError) {
    if text.hasPrefix("ipc://") {
      let path = String(text.dropFirst(6))
      // sockaddr_un holds 108 bytes with the terminating zero.
      guard !path.isEmpty, path.utf8.count <= 107 else {
        throw EndpointError(text: text, expected: "ipc:// and a path of 1 to 107 bytes")
      }
      kind = .ipc(path: path)
      return
    }
    guard text.hasPrefix("tcp://"), let colon = text.lastIndex(of: ":") else {
      throw EndpointError(text: text, expected: "tcp://HOST:PORT or ipc://PATH")
    }
    let start = text.index(text.startIndex, offsetBy: 6)
    guard colon > start else { throw EndpointError(text: text, expected: "tcp://HOST:PORT") }
    let port = String(text[text.index(after: colon)...])
    guard port == "*" || (port.utf8.allSatisfy(Self.isDigit) && (UInt16(port) ?? 0) > 0) else {
      throw EndpointError(text: text, expected: "a port 1…65535 or *")
    }
    kind = .tcp(host: String(text[start..<colon]), port: port)
  }

  /// Whether only this machine can reach it.
  public var isLocal: Bool {
    switch kind {
    case .ipc: true
    case .tcp(let host, _): host == "localhost" || host == "[::1]" || Self.isLoopback(host)
    }
  }

  private static func isLoopback(_ host: String) -> Bool {
    let parts = host.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 4 && parts[0] == "127"
      && parts.allSatisfy { $0.utf8.allSatisfy(isDigit) && UInt8($0) != nil }
  }

  /// Swift's integers would also accept a sign.
  private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

  /// The same port on another host: where to listen for an address that clients connect to.
  public func listening(on host: String) -> Endpoint {
    switch kind {
    case .ipc: self
    case .tcp(_, let port): Endpoint(kind: .tcp(host: host, port: port))
    }
  }

  private init(kind: Kind) {
    self.kind = kind
  }

  /// Parses a comma-separated list of at least one address.
  public static func list(_ text: String) throws(EndpointError) -> [Endpoint] {
    var endpoints: [Endpoint] = []
    for part in text.split(separator: ",") { endpoints.append(try Endpoint(String(part))) }
    guard !endpoints.isEmpty else { throw EndpointError(text: text, expected: "at least one address") }
    return endpoints
  }
}

extension Endpoint: CustomStringConvertible {
  public var description: String {
    switch kind {
    case .tcp(let host, let port): "tcp://\(host):\(port)"
    case .ipc(let path): "ipc://\(path)"
    }
  }
}

/// An address that cannot be used.
public struct EndpointError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The address as it was given.
  public var text: String
  /// The form that it should have.
  public var expected: String

  public var description: String { "address '\(text)': expected \(expected)" }
}
