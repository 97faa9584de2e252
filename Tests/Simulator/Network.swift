// A network that loses, delays, repeats and reorders frames.

internal import Experience
internal import Foundations
internal import Services
internal import Wire

enum ServiceID: Hashable {
  case parameters
  /// A shard by its number, from 0.
  case replay(Int)

  static let shardsMax = 4
  static let count = 1 + shardsMax

  var number: Int {
    switch self {
    case .parameters: 0
    case .replay(let shard): 1 + shard
    }
  }

  /// The peer that clients know a shard by.
  static func peer(ofShard shard: Int) -> PeerID { PeerID(number: UInt64(1 + shard)) }
}

/// A client's connection to a service, under the identity that the service's router gave it.
///
/// As with TCP, frames that an end's crash cut off never arrive. But frames that a running service
/// had already received over a replaced connection may still come after those of the new one.
final class Connection {
  let peer: PeerID
  let node: Int
  let service: ServiceID
  let serviceIncarnation: Int
  /// The writer that has said HELLO over it.
  var writer: Identifier?
  var isSampler = false
  /// The topic that it subscribes to beside all weights; nil if it does not subscribe.
  let topic: String?
  var isOpen = true
  /// When the last frames up and down arrive, if frames keep their order.
  var lastUp = Instant.zero
  var lastDown = Instant.zero

  init(
    peer: PeerID, node: Int, service: ServiceID, serviceIncarnation: Int, topic: String?
  ) {
    self.peer = peer
    self.node = node
    self.service = service
    self.serviceIncarnation = serviceIncarnation
    self.topic = topic
  }
}

/// Delivers frames through the event queue; draws every fault from one generator.
final class Network {
  let plan: Plan
  var generator: SeededGenerator
  var queue = EventQueue()
  var now = Instant.zero + .seconds(100)
  /// Faults are over: everything arrives soon, and in order.
  var isHealed = false
  private(set) var connections: [PeerID: Connection] = [:]
  private var order: [Connection] = []
  private var partitions: [Int: Instant] = [:]
  private var nextPeer: UInt64 = 1
  private(set) var framesSent = 0
  private(set) var framesLost = 0

  init(plan: Plan, seed: UInt64) {
    self.plan = plan
    generator = SeededGenerator(seed: seed, part: "network")
  }

  func chance(_ probability: Double) -> Bool {
    !isHealed && generator.uniform() < probability
  }

  func connect(
    node: Int, service: ServiceID, serviceIncarnation: Int, topic: String?
  ) -> Connection {
    let connection = Connection(
      peer: PeerID(number: nextPeer), node: node, service: service, serviceIncarnation: serviceIncarnation,
      topic: topic)
    nextPeer += 1
    connections[connection.peer] = connection
    order.append(connection)
    if topic != nil { queue.add(.subscription(connection), at: now + .milliseconds(2)) }
    return connection
  }

  func close(_ connection: Connection) {
    connection.isOpen = false
    order.removeAll { $0 === connection }
  }

  /// Cuts a node off from a service until `end`.
  func partition(node: Int, from service: ServiceID, until end: Instant) {
    partitions[node * ServiceID.count + service.number] = end
  }

  /// False if the frame was refused, as by a full queue.
  func send(_ bytes: UnsafeRawBufferPointer, over connection: Connection?, up: Bool) -> Bool {
    guard let connection, connection.isOpen, !chance(plan.queueFull) else { return false }
    framesSent += 1
    let key = connection.node * ServiceID.count + connection.service.number
    if !isHealed, let end = partitions[key], now < end {
      framesLost += 1
      return true
    }
    if chance(plan.loss) {
      framesLost += 1
      return true
    }
    let frame = Array(bytes)
    // An evaluation has no sequence: a repeated one would count as another.
    let mayRepeat = frame.count < 3 || frame[2] != MessageType.evaluation.rawValue
    for _ in 0..<(mayRepeat && chance(plan.duplication) ? 2 : 1) { deliver(frame, over: connection, up: up) }
    return true
  }

  private func deliver(_ frame: [UInt8], over connection: Connection, up: Bool) {
    let isSlow = chance(plan.slowness)
    var at = now + .microseconds(Double(100 + generator.below(isSlow ? 400_000 : 3000)))
    if plan.isOrdered || isHealed {
      at = max(at, (up ? connection.lastUp : connection.lastDown) + .microseconds(1))
    }
    if up {
      connection.lastUp = max(connection.lastUp, at)
    } else {
      connection.lastDown = max(connection.lastDown, at)
    }
    queue.add(up ? .up(connection, frame) : .down(connection, frame), at: at)
  }

  /// Sends to all subscribers of the frame's topic.
  func publish(_ bytes: UnsafeRawBufferPointer, topic: String, serviceIncarnation: Int) {
    for connection in order
    where connection.service == .parameters && connection.serviceIncarnation == serviceIncarnation {
      guard let own = connection.topic else { continue }
      let topics = [Weights.topicAll, own, Weights.topicMilestone, Weights.milestonePrefix + own]
      guard topics.contains(topic) else { continue }
      _ = send(bytes, over: connection, up: false)
    }
  }

  func openConnections(of node: Int) -> [Connection] { order.filter { $0.node == node } }
  func openConnections(to service: ServiceID) -> [Connection] { order.filter { $0.service == service } }
}

/// A client's side of a connection.
struct ClientSink: FrameSink {
  let network: Network
  let connection: Connection?

  @discardableResult
  func send(_ bytes: UnsafeRawBufferPointer, to peer: PeerID) -> Bool {
    network.send(bytes, over: connection, up: true)
  }
}

/// A client's connections to all shards.
struct ShardSink: FrameSink {
  let cluster: Cluster
  let node: Int

  @discardableResult
  func send(_ bytes: UnsafeRawBufferPointer, to peer: PeerID) -> Bool {
    guard let shard = cluster.replays.indices.first(where: { ServiceID.peer(ofShard: $0) == peer }) else {
      return false
    }
    let sink = cluster.sink(of: node, to: .replay(shard))
    return sink.send(bytes, to: .service)
  }
}
