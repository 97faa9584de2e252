// The server's side of an aggregation.

internal import Experience
internal import Foundations
internal import Wire

/// Turns learners' changes into weights, and decides when.
///
/// A merger knows changes and values only. `WeightsAuthority` knows whose a change is,
/// and accepts each once.
protocol Merger {
  /// Whether each version needs to be saved. If not, how often it is depends on its size.
  var isSavedEachVersion: Bool { get }

  /// The state has changed since the last version was made.
  var hasUnpublished: Bool { get }

  /// Admits a learner that has joined.
  mutating func admit(_ learner: Identifier, now: Instant)

  /// Adds a change of the right size.
  mutating func add(_ change: Change, into state: inout ParameterState, now: Instant) -> Added

  /// Makes an update that has become due by time.
  mutating func update(_ state: inout ParameterState, now: Instant) -> MadeUpdate?

  /// Forgets a learner that is gone. What it sent stays.
  mutating func forget(_ learner: Identifier)

  /// When the next version is to be made; nil while there is nothing new.
  func closesAt(lastPublished: Instant, publishEvery: Instant.Span) -> Instant?

  /// When `update` and `takeAnswer` are due although no message has come; nil if never.
  var waitsUntil: Instant? { get }

  /// Makes a state that was saved, perhaps with other settings, one that this merger can go on
  /// from: its `vectors` are those that the merger keeps.
  /// - Returns: what the user should know; nil for nothing.
  func prepare(_ state: inout ParameterState) -> String?

  /// Merges what is not in the state's values and vectors yet, and returns the updates that the
  /// next version adds.
  mutating func merge(into state: inout ParameterState) -> MergedUpdates

  /// Removes the next change that can be answered.
  mutating func takeAnswer(updates: UInt64, now: Instant) -> Answer?

  /// Whether a change of this learner waits for its answer.
  func owes(_ learner: Identifier) -> Bool

  /// What it has counted.
  var counters: MergerCounters { get }
}

/// What became of a change that was added.
enum Added {
  /// It cannot be merged, for this reason, and changed nothing.
  case refused(String)
  /// It will be in the weights.
  case taken
  /// It has made an update.
  case updated(MadeUpdate)
}

/// An update of the weights between two versions.
struct MadeUpdate {
  /// The changes that are in the weights now.
  var changes: [(learner: Identifier, sequence: UInt64)]
}

/// What became of a change.
struct Answer {
  var learner: Identifier
  var outcome: Updated.Outcome
  var staleness: UInt64
}

/// What a merger has counted, for metrics.
struct MergerCounters {
  /// Gradients that were too stale, and changed nothing.
  var dropped: UInt64 = 0
  /// Gradients whose update was shortened, because they were too stale.
  var scaled: UInt64 = 0
  /// Updates that a restart of the server lost, because they were not saved.
  var updatesLost: UInt64 = 0
  /// Moving mean of the staleness of gradients that were applied, in updates.
  var staleness = 0.0
  /// Learners that wait for an answer now.
  var waiting = 0
}

/// A merger of deltas, which are merged only when a version is made, and not answered.
extension Merger {
  var isSavedEachVersion: Bool { true }
  var hasUnpublished: Bool { false }
  mutating func admit(_ learner: Identifier, now: Instant) {}
  mutating func update(_ state: inout ParameterState, now: Instant) -> MadeUpdate? { nil }
  var waitsUntil: Instant? { nil }
  mutating func takeAnswer(updates: UInt64, now: Instant) -> Answer? { nil }
  func owes(_ learner: Identifier) -> Bool { true }
  var counters: MergerCounters { MergerCounters() }

  /// A merger that keeps no vectors drops those that it finds.
  func prepare(_ state: inout ParameterState) -> String? {
    let names = state.vectors.map(\.name)
    state.vectors = []
    guard !names.isEmpty else { return nil }
    return "aggregation: the saved \(names.joined(separator: ", ")) is of other settings, and is dropped"
  }
}

extension Merger {
  /// What the user should know of a saved state that is to be gone on from; nil for nothing.
  func notice(for kept: ParameterState) -> String? {
    var state = kept
    return prepare(&state)
  }
}

/// The updates that a version adds.
struct MergedUpdates {
  /// Those that are not in `ParameterState.updates` yet.
  var count: UInt64
  /// By how much the weights' clock advances (`Weights.clock`).
  var clock: Double
  /// When the first and the last of all were made, in nanoseconds; 0 for none.
  var oldest: Int64
  var newest: Int64
}
