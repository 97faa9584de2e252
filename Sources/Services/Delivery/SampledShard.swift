// A shard on the learner's side.

internal import Experience
internal import Foundations
internal import Wire

/// A shard that is sampled from, as it was last seen.
struct SampledShard {
  var machine: SamplerMachine
  var life: Identifier?
  /// Zero until it is seen.
  var mass = 0.0
  var items: UInt64 = 0
  var error = 0.0
  var isJoined = false
  var totals: LifeTotals?
  /// When it last said its mass and items, in this life.
  var seenAt: Instant?
  /// Since when it owes an answer.
  var owesSince: Instant?

  var id: PeerID { machine.configuration.service }

  /// It begins a life: what was known of it is over.
  mutating func begin() {
    life = machine.incarnation
    mass = 0
    items = 0
    totals = nil
    isJoined = false
    seenAt = nil
  }
}
