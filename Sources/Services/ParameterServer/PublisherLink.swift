// The parameter server's two sockets as one sink.

internal import Foundations
internal import Transport

/// Sends answers over the router socket and publications over an XPUB socket.
final class PublisherLink: PublishingSink {
  let subscribers: PublisherSocket
  private let router: RouterLink

  init(router: RouterLink, connector: Connector, listeningOn endpoint: Endpoint) throws {
    self.router = router
    // Subscribers need only the newest publication. A slow one misses some, and costs little
    // memory.
    subscribers = try PublisherSocket(connector: connector, listeningOn: endpoint, sendQueue: 4)
  }

  func send(_ bytes: UnsafeRawBufferPointer, to peer: PeerID) -> Bool {
    router.send(bytes, to: peer)
  }

  func publish(_ bytes: UnsafeRawBufferPointer) {
    subscribers.socket.send(bytes)
  }
}
