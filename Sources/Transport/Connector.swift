// Makes every socket.

/// What a process opens its sockets with: what holds for all of its connections, as keys would, is decided here.
///
/// Threads may share it; each socket belongs to the thread that asked for it.
public final class Connector: Sendable {
  private let context = Context()

  public init() {}

  /// A service's socket to many clients.
  public func router(on endpoint: Endpoint, _ options: SocketOptions) throws(TransportError) -> Socket {
    try listen(.router, on: endpoint, options)
  }

  /// A client's socket to its service.
  public func dealer(to endpoint: Endpoint, _ options: SocketOptions) throws(TransportError) -> Socket {
    try connect(.dealer, to: endpoint, options)
  }

  public func publisher(on endpoint: Endpoint, _ options: SocketOptions) throws(TransportError) -> Socket {
    try listen(.publisher, on: endpoint, options)
  }

  /// Gets what is published with one of these prefixes.
  public func subscriber(
    to endpoint: Endpoint, prefixes: [[UInt8]], _ options: SocketOptions
  ) throws(TransportError) -> Socket {
    let socket = try connect(.subscriber, to: endpoint, options)
    for prefix in prefixes { try socket.subscribe(prefix) }
    return socket
  }

  private func listen(
    _ kind: Socket.Kind, on endpoint: Endpoint, _ options: SocketOptions
  ) throws(TransportError) -> Socket {
    let socket = try Socket(kind, context: context, options: options)
    try socket.bind(endpoint.description)
    return socket
  }

  private func connect(
    _ kind: Socket.Kind, to endpoint: Endpoint, _ options: SocketOptions
  ) throws(TransportError) -> Socket {
    let socket = try Socket(kind, context: context, options: options)
    try socket.connect(endpoint.description)
    return socket
  }
}
