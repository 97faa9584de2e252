// Connections to the shards of a replay.

internal import Foundations
internal import Transport

/// A connection to each shard of the replay; frames go to the shard that is named.
final class ShardLinks: FrameSink {
  private let connector: Connector
  private let shards: ShardConnections<DealerLink>
  private let log: Log

  init(connector: Connector, settings: ServiceSettings, log: Log, now: Instant) {
    self.connector = connector
    self.log = log
    shards = ShardConnections(
      ShardDirectory(settings, settings.replay, variable: AddressFile.replay, now: now), log: log)
  }

  /// Rises when sockets are added or closed: pollers must add them again.
  var generation: Int { shards.generation }
  /// When `updateShards` is due at the latest.
  var nextDeadline: Instant { shards.nextDeadline }

  /// Follows the shards' addresses. When they change, calls `tell` with all shards: after new ones
  /// are connected, but before missing ones are closed, so that it can say GOODBYE to them.
  ///
  /// - Throws: `TransportError` if a socket cannot be had, `SystemCallError` if a thread cannot.
  func updateShards(now: Instant, _ tell: ([PeerID]) -> Void) throws {
    let connect = { [connector] in try DealerLink(connector: connector, to: $0) }
    guard let endpoints = try shards.update(now: now, connect: connect, tell: tell),
      generation > 1 || endpoints.count > 1
    else { return }
    let list = endpoints.map(\.description).joined(separator: ", ")
    log.info("the replay is now \(endpoints.count == 1 ? "one shard" : "\(endpoints.count) shards"): \(list)")
  }

  func send(_ bytes: UnsafeRawBufferPointer, to peer: PeerID) -> Bool {
    for (id, link) in shards.links where id == peer { return link.send(bytes, to: peer) }
    return false
  }

  /// Hands at most `limit` frames of each shard to `body`.
  func drain(limit: Int = 256, _ body: (UnsafeRawBufferPointer, PeerID) -> Void) {
    for (id, link) in shards.links { link.drain(limit: limit) { body($0, id) } }
  }

  func add(to poller: inout Poller) {
    for (_, link) in shards.links { poller.add(link.socket) }
    if let descriptor = shards.descriptor { poller.add(descriptor: descriptor) }
  }
}
