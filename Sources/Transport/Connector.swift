// Makes every socket.

/// Opens the sockets of a process. Settings for all its connections, as keys would be, belong here.
///
/// Threads may share a connector; each socket belongs to the thread that opened it.
public final class Connector: Sendable {
  private let context = Context()

  public init() {}

  /// A service's socket to many clients (ROUTER).
  public func router(on endpoint: Endpoint, _ options: SocketOptions) throws(TransportError) -> Socket {
    try listen(.router, on: endpoint, options)
  }

  /// A client's socket to its service (DEALER).
  public func dealer(to endpoint: Endpoint, _ options: SocketOptions) throws(TransportError) -> Socket {
    try connect(.dealer, to: endpoint, options)
  }

  /// A service's socket to its subscribers (XPUB), which reports each subscription.
  public func publisher(on endpoint: Endpoint, _ options: SocketOptions) throws(TransportError) -> Socket {
    try listen(.publisher, on: endpoint, options)
  }

  /// A socket (SUB) that receives the publications with one of these prefixes.
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
