// A shard on the learner's side.

internal import Experience
internal import Foundations
internal import Wire

/// A shard that is sampled from, as it was last seen.
struct SampledShard {
  var machine: SamplerMachine
  var incarnation: Identifier?
  /// Zero until it is seen.
  var mass = 0.0
  var items: UInt64 = 0
  var error = 0.0
  var isJoined = false
  var totals: IncarnationTotals?
  /// When it last said its mass and items, in this incarnation.
  var seenAt: Instant?
  /// Since when it owes an answer.
  var owesSince: Instant?

  var id: PeerID { machine.configuration.service }

  /// It begins an incarnation: what was known of it is over.
  mutating func begin() {
    incarnation = machine.incarnation
    mass = 0
    items = 0
    totals = nil
    isJoined = false
    seenAt = nil
  }
}
