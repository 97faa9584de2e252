// The parameter server's two sockets as one sink.

internal import Foundations
internal import Transport

/// Answers on the router, publishes on an XPUB.
final class PublisherLink: PublishingSink {
  let socket: Socket
  private let router: RouterLink
  private let slot = FrameSlot()
  private let guardian: ConnectionGuard?

  init(router: RouterLink, connector: Connector, listeningOn endpoint: Endpoint) throws {
    self.router = router
    var options = SocketOptions(frameBytesMax: FrameBounds.subscription)
    // Subscribers keep only the newest anyway: a slow one loses publications, not our memory.
    options.sendQueue = 4
    options.receiveQueue = 64
    socket = try connector.publisher(on: endpoint, options)
    if case .tcp = endpoint.kind,
      let port = socket.lastEndpoint().split(separator: ":").last.flatMap({ UInt16($0) })
    {
      // Two subscriptions and a heartbeat a second are what a subscriber has to say: 100 bytes, and
      // 40 a second.
      guardian = try ConnectionGuard(
        port: port, allowance: ConnectionGuard.Allowance(burst: 16 << 10, perSecond: 1 << 10))
    } else {
      guardian = nil
    }
  }

  /// Subscribers that were cut off, because they sent more than a subscriber does.
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
