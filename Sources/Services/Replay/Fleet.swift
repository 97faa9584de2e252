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
    /// Inserts of this shard and of that one when that one's began to wait; nil if they do not.
    var waiting: (own: UInt64, remote: UInt64)?
    var waitedAt = Instant.zero

    mutating func update(_ entry: IncarnationTotals, own: UInt64, leadMax: UInt64, now: Instant) {
      // An older report, of another sampler.
      guard entry.inserts >= totals.inserts else { return }
      if entry.isWaiting {
        waitedAt = now
        let began = waiting ?? (own, entry.inserts)
        // More than that is forgiven: equal parts from now on, not of all that was.
        let even = began.own + (entry.inserts - min(entry.inserts, began.remote))
        waiting = own > even + leadMax ? (own - leadMax, entry.inserts) : began
      } else if now >= waitedAt + Fleet.waitsFor {
        waiting = nil
      }
    }
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
  /// A shard whose inserts have just been let in is still treated as waiting: else the other shards
  /// would be first again.
  private static let waitsFor = Instant.Span.milliseconds(200)
  /// What was heard longer ago no longer holds inserts back.
  private static let waitingIsOldAfter = Instant.Span.milliseconds(500)

  /// - Parameters:
  ///   - inserts: items that this shard has inserted.
  ///   - leadMax: items by which it is at most ahead of a shard that waits.
  mutating func receive(
    _ request: TotalsRequest, own: Identifier, inserts: UInt64, leadMax: UInt64, now: Instant
  ) {
    heardAt = now
    remote.size = Int(clamping: request.remoteItems)
    for entry in request.incarnations where entry.incarnation != own {
      var incarnation = incarnations[entry.incarnation] ?? Incarnation(totals: entry, heardAt: now)
      incarnation.update(entry, own: inserts, leadMax: leadMax, now: now)
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

  /// The most items that this shard has inserted more than a shard whose inserts wait, since they
  /// began to; 0 if none waits.
  ///
  /// A shard with many items serves most samples, so it is the first to have room again. If it
  /// took all of it, a new shard's inserts would wait until that shard has many items too.
  func lead(inserts: UInt64, now: Instant) -> Double {
    var lead = 0.0
    for incarnation in incarnations.values where now < incarnation.heardAt + Self.waitingIsOldAfter {
      guard let waiting = incarnation.waiting else { continue }
      let remote = Double(incarnation.totals.inserts) - Double(waiting.remote)
      lead = max(lead, Double(inserts) - Double(waiting.own) - remote)
    }
    return lead
  }

  /// Shards that are there, this one included.
  func shardCount(now: Instant) -> Int {
    1 + incarnations.values.count { now < $0.heardAt + Self.sizeGoneAfter }
  }

  /// Forgets silent shards. Items that no sampler has confirmed for a while count no more: a table
  /// must not begin because of items whose shards are gone.
  mutating func forget(now: Instant) {
    if now >= heardAt + Self.sizeGoneAfter { remote.size = 0 }
    incarnations = incarnations.filter { now < $0.value.heardAt + Self.incarnationGoneAfter }
  }
}
