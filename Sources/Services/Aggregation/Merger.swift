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

  /// Makes a state that was saved, perhaps with other settings, one that this merger can go on
  /// from: its `vectors` are those that the merger keeps.
  /// - Returns: what the user should know; nil for nothing.
  func prepare(_ state: inout ParameterState) -> String?

  /// Merges the round into the state's values and vectors, and returns the updates that it held.
  mutating func merge(into state: inout ParameterState) -> MergedUpdates
}

extension Merger {
  /// What the user should know of a saved state that is to be gone on from; nil for nothing.
  func notice(for kept: ParameterState) -> String? {
    var state = kept
    return prepare(&state)
  }

  /// A merger that keeps no vectors drops those that it finds.
  func prepare(_ state: inout ParameterState) -> String? {
    let names = state.vectors.map(\.name)
    state.vectors = []
    guard !names.isEmpty else { return nil }
    return "aggregation: the saved \(names.joined(separator: ", ")) is of other settings, and is dropped"
  }
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
