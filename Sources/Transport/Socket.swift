// A ZeroMQ socket.

internal import CZeroMQ

/// Owns one socket, which a `Connector` opens. Belongs to the thread that opened it.
public struct Socket: ~Copyable {
  enum Kind: Sendable {
    case router, dealer, publisher, subscriber

    var code: Int32 {
      switch self {
      case .router: ZMQ_ROUTER
      case .dealer: ZMQ_DEALER
      case .publisher: ZMQ_XPUB
      case .subscriber: ZMQ_SUB
      }
    }
  }

  /// The result of a send.
  public enum Sent: Sendable {
    case sent
    /// The queue to the peer is full, or no peer is connected.
    case full
    /// A router does not know the peer, or no longer.
    case unknownPeer
  }

  public enum Received: Sendable {
    case frame
    /// A message of several frames, or from an identity longer than 16 bytes: read and discarded.
    case discarded
    case nothing
  }

  let pointer: UnsafeMutableRawPointer
  private let context: Context

  init(_ kind: Kind, context: Context, options: SocketOptions = SocketOptions()) throws(TransportError) {
    guard let pointer = zmq_socket(context.pointer, kind.code) else { throw .last("opening a socket") }
    for (option, value) in Self.settings(kind, options) {
      let code = withUnsafeBytes(of: value) { zmq_setsockopt(pointer, option, $0.baseAddress, $0.count) }
      guard code == 0 else {
        let error = TransportError.last("setting option \(option) of a socket")
        zmq_close(pointer)
        throw error
      }
    }
    let size = Int64(options.frameBytesMax)
    withUnsafeBytes(of: size) { _ = zmq_setsockopt(pointer, ZMQ_MAXMSGSIZE, $0.baseAddress, $0.count) }
    self.pointer = pointer
    self.context = context
  }

  deinit {
    zmq_close(pointer)
  }

  func bind(_ endpoint: String) throws(TransportError) {
    if endpoint.hasPrefix("ipc://"), LocalListener.isThere(String(endpoint.dropFirst(6))) {
      throw .addressInUse("listening on \(endpoint)")
    }
    guard zmq_bind(pointer, endpoint) == 0 else { throw .last("listening on \(endpoint)") }
  }

  func connect(_ endpoint: String) throws(TransportError) {
    guard zmq_connect(pointer, endpoint) == 0 else { throw .last("connecting to \(endpoint)") }
  }

  /// The bound address, with the port that the system chose for port `*`.
  public func lastEndpoint() -> String {
    var size = 1024
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: size) { buffer in
      buffer[0] = 0
      zmq_getsockopt(pointer, ZMQ_LAST_ENDPOINT, buffer.baseAddress!, &size)
      return String(cString: buffer.baseAddress!)
    }
  }

  func subscribe(_ prefix: [UInt8]) throws(TransportError) {
    guard zmq_setsockopt(pointer, ZMQ_SUBSCRIBE, prefix, prefix.count) == 0 else {
      throw .last("subscribing")
    }
  }

  func unsubscribe(_ prefix: [UInt8]) throws(TransportError) {
    guard zmq_setsockopt(pointer, ZMQ_UNSUBSCRIBE, prefix, prefix.count) == 0 else {
      throw .last("unsubscribing")
    }
  }

  private static func settings(_ kind: Kind, _ options: SocketOptions) -> [(Int32, Int32)] {
    var settings: [(Int32, Int32)] = [
      (ZMQ_SNDHWM, options.sendQueue),
      (ZMQ_RCVHWM, options.receiveQueue),
      (ZMQ_LINGER, options.linger_ms),
      (ZMQ_HEARTBEAT_IVL, options.heartbeatInterval_ms),
      (ZMQ_HEARTBEAT_TIMEOUT, options.heartbeatTimeout_ms),
      (ZMQ_RECONNECT_IVL, 20),
      (ZMQ_RECONNECT_IVL_MAX, 1000),
      // Connecting to a host that vanished would hang for minutes. Each attempt looks its name up
      // again.
      (ZMQ_CONNECT_TIMEOUT, 3000),
    ]
    if options.conflate { settings.append((ZMQ_CONFLATE, 1)) }
    switch kind {
    case .router: settings.append((ZMQ_ROUTER_MANDATORY, 1))
    case .dealer: settings.append((ZMQ_IMMEDIATE, 1))
    case .publisher: settings.append((ZMQ_XPUB_VERBOSE, 1))
    case .subscriber: break
    }
    return settings
  }
}
