// The server's side of averaging.

internal import Configuration
internal import Experience
internal import Foundations
internal import Wire

/// Merges deltas weighted by the transitions they were trained on, in rounds or as they come.
struct AveragingMerger: Merger {
  private struct Learner {
    /// The transitions of its latest delta.
    var transitions: UInt64
    var hasContributed: Bool
  }

  private let mode: AggregationConfiguration.Mode
  private let outer: OuterStep
  private var round: MergeRound
  private var openedAt: Instant?
  /// Active learners: they have sent a delta, and are not gone.
  private var learners: [Identifier: Learner] = [:]

  init(mode: AggregationConfiguration.Mode, outer: OuterStep = .plain, parameters: Int) {
    self.mode = mode
    self.outer = outer
    round = MergeRound(count: parameters)
  }

  mutating func add(
    _ change: Change, into state: inout ParameterState, now: Instant
  ) -> Added {
    guard case .delta(let delta) = change else {
      return .refused(
        "aggregation.kind is averaging: expected DELTA, found GRADIENT; start learner and parameter server from "
          + "the same configuration")
    }
    guard Self.areCountsSound(delta) else { return .refused(Self.problem) }
    let weight = weight(of: delta)
    guard round.add(delta.values, weight: weight, limit: Self.valueMax) else {
      return .refused(Self.problem)
    }
    learners[delta.id] = Learner(transitions: delta.transitions, hasContributed: true)
    round.record(
      updates: delta.updates, weight: weight, oldest: delta.oldestUpdate, newest: delta.newestUpdate)
    if delta.restores { round.restores = true }
    if openedAt == nil { openedAt = now }
    return .taken
  }

  /// 2³² updates of 2²⁰ rows: the weighted sum of 1024 learners' values stays finite.
  static func areCountsSound(_ delta: Delta) -> Bool {
    delta.updates > 0 && delta.updates < 1 << 32 && delta.transitions >= delta.updates
      && delta.transitions < 1 << 52
  }

  static let problem =
    "expected values within ±\(valueMax), at least 1 update and as many transitions; a diverged learner's "
    + "delta is not merged"

  mutating func forget(_ learner: Identifier) { learners[learner] = nil }

  /// `publishEvery` after the last publication. If active learners have not contributed, up to half
  /// of `publishEvery` after the first delta.
  func closesAt(lastPublished: Instant, publishEvery: Instant.Span) -> Instant? {
    guard let openedAt else { return nil }
    let earliest = lastPublished + publishEvery
    switch mode {
    case .rounds:
      guard learners.values.contains(where: { !$0.hasContributed }) else { return earliest }
      return max(earliest, openedAt + Instant.Span(nanoseconds: publishEvery.nanoseconds / 2))
    case .asynchronous, .synchronous: return earliest
    }
  }

  func prepare(_ state: inout ParameterState) -> String? { outer.prepare(&state) }

  mutating func merge(into state: inout ParameterState) -> MergedUpdates {
    let weight =
      switch mode {
      case .rounds: round.weight
      case .asynchronous, .synchronous: 1.0
      }
    let merged = MergedUpdates(
      count: round.updates, clock: round.clockSum / weight, oldest: round.oldestUpdate,
      newest: round.newestUpdate)
    outer.apply(&round, scale: Float(1 / weight), to: &state)
    for learner in learners.keys { learners[learner]?.hasContributed = false }
    openedAt = nil
    return merged
  }

  /// In rounds the delta's transitions u: the sum is divided by Σu. Asynchronously u's fraction of
  /// the active learners' latest transitions.
  private func weight(of delta: Delta) -> Float {
    switch mode {
    case .rounds: return Float(delta.transitions)
    case .asynchronous, .synchronous:
      let others = learners.reduce(0) { $1.key == delta.id ? $0 : $0 + $1.value.transitions }
      let total = others + delta.transitions
      return Float(Double(delta.transitions) / Double(max(1, total)))
    }
  }

  /// The largest magnitude of a value: weighted sums of a round stay finite below it.
  static var valueMax: Float { 1e18 }
}
