// A socket to subscribers.

internal import Foundations
internal import Transport

/// A service's XPUB socket, which reports subscriptions. Over TCP, connections that send more than
/// a subscriber does are closed.
final class PublisherSocket {
  let socket: Socket
  private let slot = FrameSlot()
  private let guardian: ConnectionGuard?

  /// - Parameter sendQueue: publications that may wait for a slow subscriber; it misses others.
  init(connector: Connector, listeningOn endpoint: Endpoint, sendQueue: Int32) throws {
    var options = SocketOptions(frameBytesMax: FrameBounds.subscription)
    options.sendQueue = sendQueue
    options.receiveQueue = 64
    socket = try connector.publisher(on: endpoint, options)
    if case .tcp = endpoint.kind,
      let port = socket.lastEndpoint().split(separator: ":").last.flatMap({ UInt16($0) })
    {
      // A subscriber sends two subscriptions (100 bytes) and a heartbeat a second (40 bytes).
      guardian = try ConnectionGuard(
        port: port, allowance: ConnectionGuard.Allowance(burst: 16 << 10, perSecond: 1 << 10))
    } else {
      guardian = nil
    }
  }

  /// Subscribers whose connections were closed, because they sent too much.
  var cutOff: UInt64 { guardian?.cut ?? 0 }

  func drainSubscriptions(limit: Int = 256, _ body: (UnsafeRawBufferPointer) -> Void) {
    for _ in 0..<limit {
      guard case .frame = socket.receive(into: slot) else { return }
      body(slot.bytes)
    }
  }
}
