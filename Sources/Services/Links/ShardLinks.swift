// Connections to the shards of a replay.

internal import Foundations
internal import Transport

/// A connection to each shard of the replay; frames go to the shard that is named.
final class ShardLinks: FrameSink {
  private let connector: Connector
  private let directory: ShardDirectory
  private let log: Log
  private var links: [(id: PeerID, link: DealerLink)] = []
  /// Rises when sockets are added or closed: pollers must add them again.
  private(set) var generation = 0

  init(connector: Connector, settings: ServiceSettings, log: Log, now: Instant) {
    self.connector = connector
    self.log = log
    directory = ShardDirectory(settings, settings.replay, variable: AddressFile.replay, now: now)
  }

  /// When `updateShards` is due at the latest.
  var nextDeadline: Instant { directory.nextDeadline }

  /// Follows the shards' addresses. When they change, calls `tell` with all shards: after new ones
  /// are connected, but before missing ones are closed, so that it can say GOODBYE to them.
  ///
  /// - Throws: `TransportError` if a socket cannot be had, `SystemCallError` if a thread cannot.
  func updateShards(now: Instant, _ tell: ([PeerID]) -> Void) throws {
    guard generation == 0 || directory.isDue(at: now) else { return }
    let hasChanged = try directory.advance(to: now)
    for notice in directory.takeNotices() { log.warning(notice) }
    guard hasChanged || generation == 0 else { return }
    let endpoints = directory.endpoints
    for endpoint in endpoints where !links.contains(where: { $0.id == endpoint.shard }) {
      links.append((endpoint.shard, try DealerLink(connector: connector, to: endpoint)))
    }
    tell(endpoints.map(\.shard))
    links.removeAll { link in !endpoints.contains { $0.shard == link.id } }
    if generation > 0 || endpoints.count > 1 {
      let list = endpoints.map(\.description).joined(separator: ", ")
      let shards = endpoints.count == 1 ? "one shard" : "\(endpoints.count) shards"
      log.info("the replay is now \(shards): \(list)")
    }
    generation += 1
  }

  func send(_ bytes: UnsafeRawBufferPointer, to peer: PeerID) -> Bool {
    for (id, link) in links where id == peer { return link.send(bytes, to: peer) }
    return false
  }

  /// Hands at most `limit` frames of each shard to `body`.
  func drain(limit: Int = 256, _ body: (UnsafeRawBufferPointer, PeerID) -> Void) {
    for (id, link) in links { link.drain(limit: limit) { body($0, id) } }
  }

  func add(to poller: inout Poller) {
    for (_, link) in links { poller.add(link.socket) }
    if let descriptor = directory.descriptor { poller.add(descriptor: descriptor) }
  }
}

extension Endpoint {
  /// The name of the shard at this address. It is the same in every process, so that all rank
  /// shards alike.
  var shard: PeerID {
    PeerID(number: Array(description.utf8).withUnsafeBytes { Checksum.of($0) })
  }
}
