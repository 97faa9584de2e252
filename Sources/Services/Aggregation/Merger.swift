// The server's side of an aggregation.

internal import Experience
internal import Foundations
internal import Wire

/// What the parameter server makes of learners' changes, and when.
///
/// It knows changes and values only: whose a change is, and that it counts once, `WeightsAuthority`
/// knows.
protocol Merger {
  /// Why a change of the right size cannot be taken, if so.
  func problem(with change: Change) -> String?

  /// Takes a change that counts; its content may go after the call.
  mutating func add(_ change: Change, now: Instant)

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
