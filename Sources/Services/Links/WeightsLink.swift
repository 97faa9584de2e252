// A subscription to the newest weights.

internal import Experience
internal import Foundations
internal import Numerics
internal import Transport
internal import Wire

/// Two subscriptions. The first is to all publications, of which only the newest is kept. The
/// second is to a topic of the client's own, on which the server sends a newcomer the current
/// version at once. That topic has the public name, not the id, because a client that
/// subscribes to all topics can read their names.
///
/// A learner also subscribes to milestones, and to the newest of them on a topic of its own: it
/// must not miss any.
///
/// The subscriptions are two sockets, because ZMQ_CONFLATE also conflates what goes upstream: of
/// two subscriptions on one socket only the last would reach the server (libzmq 4.3.4).
final class WeightsLink {
  private let all: Socket
  private let own: Socket
  private let slot = FrameSlot()
  /// Weights that may wait on the client's own topics.
  private static let ownMax = 4
  private var incarnation: Identifier?
  private var version: UInt64 = 0
  /// The run's env steps in the newest publication, also if its weights were known. They are
  /// published once a second while no version is made.
  private(set) var envSteps: UInt64 = 0
  private(set) var malformed: UInt64 = 0
  /// Weights that hold NaN or an infinity, and were ignored.
  private(set) var notFinite: UInt64 = 0

  init(
    connector: Connector, to endpoint: Endpoint, id: Identifier, manifest: WeightsManifest,
    milestones: Bool = false
  ) throws(TransportError) {
    var options = SocketOptions(frameBytesMax: FrameBounds.weights(manifest))
    options.receiveQueue = Int32(Self.ownMax)
    let name = id.publicName.description
    let topics = milestones ? [name, Weights.topicMilestone, Weights.milestonePrefix + name] : [name]
    own = try connector.subscriber(
      to: endpoint, prefixes: topics.map(Weights.subscription), options)
    options.conflate = true
    let everything = Weights.subscription(topic: Weights.topicAll)
    all = try connector.subscriber(to: endpoint, prefixes: [everything], options)
  }

  /// Adds both to a poller; returns their indices.
  func add(to poller: inout Poller) -> [Int] {
    [poller.add(all), poller.add(own)]
  }

  /// Calls `body` with weights that are newer than all before, if some came, and `milestone` with
  /// each milestone. The views are valid during the call only.
  func receiveNewest(milestone: (Weights) -> Void = { _ in }, _ body: (Weights) -> Void) {
    for _ in 0..<Self.ownMax {
      guard receive(own, milestone, body) else { break }
    }
    _ = receive(all, milestone, body)
  }

  /// False if no frame was there.
  private func receive(
    _ socket: borrowing Socket, _ milestone: (Weights) -> Void, _ body: (Weights) -> Void
  ) -> Bool {
    guard case .frame = socket.receive(into: slot) else { return false }
    read(milestone, body)
    return true
  }

  private func read(_ milestone: (Weights) -> Void, _ body: (Weights) -> Void) {
    var cursor = FrameCursor(slot.bytes)
    do throws(WireError) {
      guard try cursor.openMessage() == .weights else { return malformed += 1 }
      let weights = try Weights(from: &cursor)
      envSteps = weights.envSteps
      let isKept = weights.topic.hasPrefix(Weights.topicMilestone)
      guard isKept || weights.incarnation != incarnation || weights.version > version else { return }
      // The client keeps its good weights.
      guard Finite.firstException(weights.values) == nil else { return notFinite += 1 }
      if isKept { return milestone(weights) }
      incarnation = weights.incarnation
      version = weights.version
      body(weights)
    } catch {
      malformed += 1
    }
  }
}
