// The learner that a shard has, if it takes one at a time.

internal import Experience
internal import Foundations

/// A learner that holds a shard for as long as it is heard. It asks LEARNER? every half second, so
/// that a shard whose learner was killed is free again after a short time.
struct ShardLearner {
  let id: Identifier
  var label: String
  private(set) var lastHeard: Instant

  /// Time after which a silent learner has lost the shard: four of its questions.
  static let goneAfter = Instant.Span.seconds(2)

  init(id: Identifier, label: String, now: Instant) {
    self.id = id
    self.label = label
    lastHeard = now
  }

  mutating func hear(now: Instant) { lastHeard = max(lastHeard, now) }

  /// Whether the learner still holds the shard.
  func isHere(now: Instant) -> Bool { now < lastHeard + Self.goneAfter }
}
