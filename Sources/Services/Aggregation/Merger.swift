// The server's side of an aggregation.

internal import Experience
internal import Foundations
internal import Wire

/// Merges learners' deltas into versions, and decides when.
///
/// A merger knows deltas and values only. `WeightsAuthority` knows whose a delta is, and merges
/// each once.
protocol Merger {
  /// Why a delta of the right size cannot be merged; nil if it can.
  func problem(with delta: Delta) -> String?

  /// Adds a delta to the round. Its content may be gone after the call.
  mutating func add(_ delta: Delta, now: Instant)

  /// Forgets a learner that is gone. Its deltas stay in the round.
  mutating func forget(_ learner: Identifier)

  /// When the round is to be merged; nil while it is empty.
  func closesAt(lastPublished: Instant, publishEvery: Instant.Span) -> Instant?

  /// Merges the round into `values`, float32 each, and returns the updates that it held.
  mutating func merge(into values: inout [Float]) -> MergedUpdates
}

/// The updates that a version adds.
struct MergedUpdates {
  var count: UInt64
  /// By how much the weights' clock advances (`Weights.clock`).
  var clock: Double
  /// When the first and the last of them were made, in nanoseconds.
  var oldest: Int64
  var newest: Int64
}
