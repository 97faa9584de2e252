// The server's side of an aggregation.

internal import Experience
internal import Foundations
internal import Wire

/// What the parameter server makes of learners' deltas, and when.
///
/// It knows deltas and values only: whose a delta is, and that it counts once, `WeightsAuthority`
/// knows.
protocol Merger {
  /// Why a delta of the right size cannot be taken, if so.
  func problem(with delta: Delta) -> String?

  /// Takes a delta that counts; its content may go after the call.
  mutating func add(_ delta: Delta, now: Instant)

  /// A learner is gone. What it has given stays.
  mutating func forget(_ learner: Identifier)

  /// When what was taken makes a version; nil while nothing was.
  func closesAt(lastPublished: Instant, publishEvery: Instant.Span) -> Instant?

  /// Makes the next version's values of these and of what was taken, and says what that held.
  mutating func merge(into values: inout [Float]) -> MergedUpdates
}

/// The updates that a version adds.
struct MergedUpdates {
  var count: UInt64
  /// By how much the weights' clock advances (`Weights.clock`).
  var clock: Double
  /// When the first and last of them were made.
  var oldest: Int64
  var newest: Int64
}
