// Subscriptions to the taps of all shards.

internal import Experience
internal import Foundations
internal import Transport
internal import Wire

/// A subscription to the tap of each shard; it follows the shards' addresses.
final class TapLinks {
  private final class Link {
    let id: PeerID
    let socket: Socket

    init(_ connector: Connector, _ endpoint: Endpoint) throws(TransportError) {
      id = endpoint.shard
      var options = SocketOptions(frameBytesMax: Limits.frameBytes + 4 * Limits.configurationBytes)
      options.receiveQueue = TapLinks.receiveQueue
      socket = try connector.subscriber(to: endpoint, prefixes: [[]], options)
    }
  }

  /// Frames that may wait here, beside those that wait at the shard.
  private static let receiveQueue: Int32 = 64

  private let connector: Connector
  private let directory: ShardDirectory
  private let log: Log
  private var links: [Link] = []
  private let slot = FrameSlot()
  /// Rises when sockets are added or closed: pollers must add them again.
  private(set) var generation = 0

  init(connector: Connector, settings: ServiceSettings, log: Log, now: Instant) {
    self.connector = connector
    self.log = log
    directory = ShardDirectory(settings, settings.taps, variable: AddressFile.taps, now: now)
  }

  /// When `update` is due at the latest.
  var nextDeadline: Instant { directory.nextDeadline }

  /// Follows the shards' addresses. What a shard that is gone had sent is read by `drain` first.
  ///
  /// - Throws: `TransportError` if a socket cannot be had, `SystemCallError` if a thread cannot.
  func update(now: Instant, drain: () -> Void) throws {
    guard generation == 0 || directory.isDue(at: now) else { return }
    let hasChanged = try directory.advance(to: now)
    for notice in directory.takeNotices() { log.warning(notice) }
    guard hasChanged || generation == 0 else { return }
    let endpoints = directory.endpoints
    for endpoint in endpoints where !links.contains(where: { $0.id == endpoint.shard }) {
      links.append(try Link(connector, endpoint))
    }
    drain()
    links.removeAll { link in !endpoints.contains { $0.shard == link.id } }
    let list = endpoints.map(\.description).joined(separator: ", ")
    log.info("listening to \(endpoints.count) \(endpoints.count == 1 ? "tap" : "taps"): \(list)")
    generation += 1
  }

  /// Hands at most `limit` frames of each shard to `body`. True if there may be more.
  func drain(limit: Int = 256, _ body: (UnsafeRawBufferPointer) -> Void) -> Bool {
    var hasMore = false
    for link in links {
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
    for link in links { poller.add(link.socket) }
    if let descriptor = directory.descriptor { poller.add(descriptor: descriptor) }
  }
}
