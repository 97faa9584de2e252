// What one shard knows of the others.

internal import Experience
internal import Foundations
internal import ReplayStore
internal import Wire

/// How much other shards have taken into a table and given from it since this one first heard of them.
///
/// Only growth since an incarnation was first heard of counts: so no error jumps when a shard comes, goes or begins anew, and what is
/// lost, repeated or late, or comes from several samplers, changes nothing.
struct Fleet {
  private struct Incarnation {
    var totals: IncarnationTotals
    var heardAt: Instant
  }

  private var incarnations: [Identifier: Incarnation] = [:]
  private(set) var remote = RemoteItems()
  /// It has begun to count with the others.
  var isJoined = false
  private var heardAt = Instant.zero
  /// Shards silent for longer than this are forgotten; their items, which no sampler confirms, earlier.
  private static let incarnationGoneAfter = Instant.Span.seconds(60)
  private static let sizeGoneAfter = Instant.Span.seconds(5)

  mutating func take(_ request: TotalsRequest, own: Identifier, now: Instant) {
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

  /// Items that no sampler has confirmed for a while are there no more: a table does not begin on what shards had that are gone.
  mutating func forget(now: Instant) {
    if now >= heardAt + Self.sizeGoneAfter { remote.size = 0 }
    incarnations = incarnations.filter { now < $0.value.heardAt + Self.incarnationGoneAfter }
  }
}
