// The parameter server's two sockets as one sink.

internal import Foundations
internal import Transport

/// Answers on the router, publishes on an XPUB.
final class PublisherLink: PublishingSink {
  let socket: Socket
  private let router: RouterLink
  private let slot = FrameSlot()

  init(router: RouterLink, context: Context, listeningOn endpoint: Endpoint) throws(TransportError) {
    self.router = router
    var options = SocketOptions()
    // Subscribers keep only the newest anyway: a slow one loses publications, not our memory.
    options.sendQueue = 4
    socket = try Socket(.publisher, context: context, options: options)
    try socket.bind(endpoint.description)
  }

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
