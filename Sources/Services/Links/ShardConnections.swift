// A connection to each shard of a replay, as their addresses change.

internal import Foundations
internal import Transport

/// A connection of one kind to each shard; it follows the shards' addresses.
final class ShardConnections<Link> {
  private(set) var links: [(id: PeerID, link: Link)] = []
  /// Rises when connections are added or closed: pollers must add them again.
  private(set) var generation = 0
  private let directory: ShardDirectory
  private let log: Log

  init(_ directory: ShardDirectory, log: Log) {
    self.directory = directory
    self.log = log
  }

  /// When `update` is due at the latest.
  var nextDeadline: Instant { directory.nextDeadline }
  /// Readable when `update` has something to do; nil if it has no lookups.
  var descriptor: Int32? { directory.descriptor }

  /// Follows the addresses. When they change, calls `tell` with all shards: after new ones are
  /// connected, but before missing ones are closed.
  ///
  /// - Returns: the shards, if they have changed.
  /// - Throws: what `connect` throws, and `SystemCallError` if a thread cannot be had.
  func update(
    now: Instant, connect: (Endpoint) throws -> Link, tell: ([PeerID]) -> Void
  ) throws -> [Endpoint]? {
    guard generation == 0 || directory.isDue(at: now) else { return nil }
    let hasChanged = try directory.advance(to: now)
    for notice in directory.takeNotices() { log.warning(notice) }
    guard hasChanged || generation == 0 else { return nil }
    let endpoints = directory.endpoints
    for endpoint in endpoints where !links.contains(where: { $0.id == endpoint.shard }) {
      links.append((endpoint.shard, try connect(endpoint)))
    }
    tell(endpoints.map(\.shard))
    links.removeAll { link in !endpoints.contains { $0.shard == link.id } }
    generation += 1
    return endpoints
  }
}

extension Endpoint {
  /// The name of the shard at this address. It is the same in every process, so that all rank
  /// shards alike.
  var shard: PeerID {
    PeerID(number: Array(description.utf8).withUnsafeBytes { Checksum.of($0) })
  }
}
