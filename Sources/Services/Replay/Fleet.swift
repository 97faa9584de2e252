// What one shard knows of the others.

internal import Experience
internal import Foundations
internal import ReplayStore
internal import Wire

/// How much other shards have taken into a table and given from it since this one first heard of them.
///
/// Only growth since a life was first heard of counts: so no error jumps when a shard comes, goes or begins anew, and what is
/// lost, repeated or late, or comes from several samplers, changes nothing.
struct Fleet {
  private struct Life {
    var totals: LifeTotals
    var heardAt: Instant
  }

  private var lives: [Identifier: Life] = [:]
  private(set) var elsewhere = ItemsElsewhere()
  /// It has begun to count with the others.
  var isJoined = false
  private var heardAt = Instant.zero
  /// Shards silent for longer than this are forgotten; their items, which no sampler confirms, earlier.
  private static let lifeGoneAfter = Instant.Span.seconds(60)
  private static let sizeGoneAfter = Instant.Span.seconds(5)

  mutating func take(_ request: TotalsRequest, own: Identifier, now: Instant) {
    heardAt = now
    elsewhere.size = Int(clamping: request.itemsElsewhere)
    for entry in request.lives where entry.life != own {
      var life = lives[entry.life] ?? Life(totals: entry, heardAt: now)
      elsewhere.inserts += Self.growth(&life.totals.inserts, to: entry.inserts)
      elsewhere.samples += Self.growth(&life.totals.samples, to: entry.samples)
      life.heardAt = now
      guard lives[entry.life] != nil || lives.count < 4 * Limits.shards else { continue }
      lives[entry.life] = life
    }
  }

  private static func growth(_ known: inout UInt64, to found: UInt64) -> Double {
    guard found > known else { return 0 }
    defer { known = found }
    return Double(found - known)
  }

  /// Items that no sampler has confirmed for a while are there no more: a table does not begin on what shards had that are gone.
  mutating func forget(now: Instant) {
    if now >= heardAt + Self.sizeGoneAfter { elsewhere.size = 0 }
    lives = lives.filter { now < $0.value.heardAt + Self.lifeGoneAfter }
  }
}
