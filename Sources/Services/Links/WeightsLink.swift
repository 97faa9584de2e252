// A subscription to the newest weights.

internal import Experience
internal import Foundations
internal import Numerics
internal import Transport
internal import Wire

/// Two subscriptions: to all publications, of which only the newest is kept, and to a topic of its own, on which the server answers a
/// newcomer at once with the current version. It is the public name: whoever subscribes to all
/// topics reads them all.
///
/// They are two sockets, because ZMQ_CONFLATE also conflates what goes upstream: of two subscriptions on one socket only the last
/// would reach the server (libzmq 4.3.4).
final class WeightsLink {
  private let all: Socket
  private let own: Socket
  private let slot = FrameSlot()
  private var incarnation: Identifier?
  private var version: UInt64 = 0
  private(set) var malformed: UInt64 = 0
  /// Weights that hold NaN or an infinity, and were left out.
  private(set) var notFinite: UInt64 = 0

  init(
    connector: Connector, to endpoint: Endpoint, id: Identifier, manifest: WeightsManifest
  ) throws(TransportError) {
    var options = SocketOptions(frameBytesMax: FrameBounds.weights(manifest))
    options.receiveQueue = 4
    let name = Weights.subscription(topic: id.publicName.description)
    own = try connector.subscriber(to: endpoint, prefix: name, options)
    options.conflate = true
    let everything = Weights.subscription(topic: Weights.topicAll)
    all = try connector.subscriber(to: endpoint, prefix: everything, options)
  }

  /// Adds both to a poller; returns their indices.
  func add(to poller: inout Poller) -> [Int] {
    [poller.add(all), poller.add(own)]
  }

  /// Calls `body` with weights that are newer than any before, if some came. The views end with the call.
  func takeNewest(_ body: (Weights) -> Void) {
    take(own, body)
    take(all, body)
  }

  private func take(_ socket: borrowing Socket, _ body: (Weights) -> Void) {
    guard case .frame = socket.receive(into: slot) else { return }
    var cursor = FrameCursor(slot.bytes)
    do throws(WireError) {
      guard try cursor.openMessage() == .weights else { return malformed += 1 }
      let weights = try Weights(from: &cursor)
      guard weights.incarnation != incarnation || weights.version > version else { return }
      // Whoever has good weights keeps them.
      guard Finite.firstException(weights.values) == nil else { return notFinite += 1 }
      incarnation = weights.incarnation
      version = weights.version
      body(weights)
    } catch {
      malformed += 1
    }
  }
}
