// A subscription to the newest weights.

internal import Experience
internal import Foundations
internal import Transport
internal import Wire

/// Subscribes to all publications and, to get the current version at once, to a topic of its own. Keeps only the newest frame.
final class WeightsLink {
  let socket: Socket
  private let slot = FrameSlot()
  private let ownTopic: [UInt8]
  private var hasOwnTopic = true
  private(set) var malformed: UInt64 = 0

  init(context: Context, to endpoint: Endpoint, id: Identifier) throws(TransportError) {
    var options = SocketOptions()
    options.conflate = true
    socket = try Socket(.subscriber, context: context, options: options)
    ownTopic = Weights.subscription(topic: id.description)
    try socket.subscribe(Weights.subscription(topic: Weights.topicAll))
    try socket.subscribe(ownTopic)
    try socket.connect(endpoint.description)
  }

  /// Calls `body` with the newest weights if some came since the last call. The views end with the call.
  func takeNewest(_ body: (Weights) -> Void) {
    guard case .frame = socket.receive(into: slot) else { return }
    var cursor = FrameCursor(slot.bytes)
    do throws(WireError) {
      guard try cursor.openMessage() == .weights else { return malformed += 1 }
      body(try Weights(from: &cursor))
    } catch {
      malformed += 1
      return
    }
    // The topic of its own stays subscribed: after a server's restart it is answered again at once.
  }
}
