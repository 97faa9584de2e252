// Subscriptions to the taps of all shards.

internal import Experience
internal import Foundations
internal import Transport
internal import Wire

/// A subscription to the tap of each shard; it follows the shards' addresses.
final class TapLinks {
  private final class Subscription {
    let socket: Socket

    init(_ connector: Connector, _ endpoint: Endpoint) throws(TransportError) {
      var options = SocketOptions(frameBytesMax: Limits.frameBytes + 4 * Limits.configurationBytes)
      options.receiveQueue = TapLinks.receiveQueue
      socket = try connector.subscriber(to: endpoint, prefixes: [[]], options)
    }
  }

  /// Frames that may wait here, beside those that wait at the shard.
  private static let receiveQueue: Int32 = 64

  private let connector: Connector
  private let shards: ShardConnections<Subscription>
  private let log: Log
  private let slot = FrameSlot()

  init(connector: Connector, settings: ServiceSettings, log: Log, now: Instant) {
    self.connector = connector
    self.log = log
    shards = ShardConnections(
      ShardDirectory(settings, settings.taps, variable: AddressFile.taps, now: now), log: log)
  }

  /// Rises when sockets are added or closed: pollers must add them again.
  var generation: Int { shards.generation }
  /// When `update` is due at the latest.
  var nextDeadline: Instant { shards.nextDeadline }

  /// Follows the shards' addresses. What a shard that is gone had sent is read by `drain` first.
  ///
  /// - Throws: `TransportError` if a socket cannot be had, `SystemCallError` if a thread cannot.
  func update(now: Instant, drain: () -> Void) throws {
    let connect = { [connector] in try Subscription(connector, $0) }
    guard let endpoints = try shards.update(now: now, connect: connect, tell: { _ in drain() }) else {
      return
    }
    let list = endpoints.map(\.description).joined(separator: ", ")
    log.info("listening to \(endpoints.count) \(endpoints.count == 1 ? "tap" : "taps"): \(list)")
  }

  /// Hands at most `limit` frames of each shard to `body`. True if there may be more.
  func drain(limit: Int = 256, _ body: (UnsafeRawBufferPointer) -> Void) -> Bool {
    var hasMore = false
    for (_, link) in shards.links {
      var count = 0
      while count < limit, case .frame = link.socket.receive(into: slot) {
        body(slot.bytes)
        count += 1
      }
      if count == limit { hasMore = true }
    }
    return hasMore
  }

  func add(to poller: inout Poller) {
    for (_, link) in shards.links { poller.add(link.socket) }
    if let descriptor = shards.descriptor { poller.add(descriptor: descriptor) }
  }
}
