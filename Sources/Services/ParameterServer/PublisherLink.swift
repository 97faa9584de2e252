// The parameter server's two sockets as one sink.

internal import Foundations
internal import Transport

/// Sends answers over the router socket and publications over an XPUB socket.
final class PublisherLink: PublishingSink {
  let socket: Socket
  private let router: RouterLink
  private let slot = FrameSlot()
  private let guardian: ConnectionGuard?

  init(router: RouterLink, connector: Connector, listeningOn endpoint: Endpoint) throws {
    self.router = router
    var options = SocketOptions(frameBytesMax: FrameBounds.subscription)
    // Subscribers need only the newest publication. A slow one misses some, and costs little
    // memory.
    options.sendQueue = 4
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

  func send(_ bytes: UnsafeRawBufferPointer, to peer: PeerID) -> Bool {
    router.send(bytes, to: peer)
  }

  func publish(_ bytes: UnsafeRawBufferPointer) {
    socket.send(bytes)
  }

  func drainSubscriptions(limit: Int = 256, _ body: (UnsafeRawBufferPointer) -> Void) {
    for _ in 0..<limit {
      guard case .frame = socket.receive(into: slot) else { return }
      body(slot.bytes)
    }
  }
}
