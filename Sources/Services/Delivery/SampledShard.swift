// A shard on the learner's side.

internal import Experience
internal import Foundations
internal import Wire

/// A shard that is sampled from, and its last answers.
struct SampledShard {
  var machine: SamplerMachine
  var incarnation: Identifier?
  /// Of its table; 0 until it answers.
  var mass = 0.0
  var items: UInt64 = 0
  var error = 0.0
  var isJoined = false
  var totals: IncarnationTotals?
  /// When this incarnation last answered with its totals.
  var seenAt: Instant?
  /// Since when it owes an answer; nil while it owes none.
  var owesSince: Instant?

  var id: PeerID { machine.configuration.service }

  /// Starts over with a new incarnation of the shard: nothing is known of it.
  mutating func begin() {
    incarnation = machine.incarnation
    mass = 0
    items = 0
    totals = nil
    isJoined = false
    seenAt = nil
  }
}
