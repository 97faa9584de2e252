// What one shard knows of the other shards.

internal import Experience
internal import Foundations
internal import ReplayStore
internal import Wire

/// What other shards have inserted into a table and sampled from it since this shard first heard of
/// them.
///
/// Only what an incarnation adds after it was first heard of enters the totals. So the error does
/// not jump when a shard comes, goes or restarts. Reports that are lost, repeated or late, or come
/// from several samplers, change nothing.
struct Fleet {
  private struct Incarnation {
    var totals: IncarnationTotals
    var heardAt: Instant
  }

  private var incarnations: [Identifier: Incarnation] = [:]
  private(set) var remote = RemoteItems()
  /// Whether this shard has joined: it limits on the totals of the fleet.
  var isJoined = false
  private var heardAt = Instant.zero
  /// Shards silent for longer than this are forgotten. Their items are forgotten earlier, once no
  /// sampler confirms them.
  private static let incarnationGoneAfter = Instant.Span.seconds(60)
  private static let sizeGoneAfter = Instant.Span.seconds(5)

  mutating func receive(_ request: TotalsRequest, own: Identifier, now: Instant) {
    heardAt = now
    remote.size = Int(clamping: request.remoteItems)
    for entry in request.incarnations where entry.incarnation != own {
      var incarnation = incarnations[entry.incarnation] ?? Incarnation(totals: entry, heardAt: now)
      remote.inserts += Self.growth(&incarnation.totals.inserts, to: entry.inserts)
      remote.samples += Self.growth(&incarnation.totals.samples, to: entry.samples)
      incarnation.heardAt = now
      guard incarnations[entry.incarnation] != nil || incarnations.count < 4 * Limits.shards else { continue }
      incarnations[entry.incarnation] = incarnation
    }
  }

  private static func growth(_ known: inout UInt64, to found: UInt64) -> Double {
    guard found > known else { return 0 }
    defer { known = found }
    return Double(found - known)
  }

  /// Forgets silent shards. Items that no sampler has confirmed for a while count no more: a table
  /// must not begin because of items whose shards are gone.
  mutating func forget(now: Instant) {
    if now >= heardAt + Self.sizeGoneAfter { remote.size = 0 }
    incarnations = incarnations.filter { now < $0.value.heardAt + Self.incarnationGoneAfter }
  }
}
