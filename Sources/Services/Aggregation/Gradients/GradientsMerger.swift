// The server's side of shared gradients.

internal import Algorithms
internal import Configuration
internal import Experience
internal import Foundations
internal import Numerics
internal import Wire

/// Makes updates of gradients, with clipping and an optimizer of its own.
///
/// *Asynchronous:* each gradient makes an update when it arrives. Its staleness stays within the
/// bound because the server does not answer a learner, who waits, while the next gradient of
/// that learner could make another learner's too stale (`mayCompute`; stale-synchronous
/// parallel, Ho et al. 2013, where a worker waits that is ahead).
///
/// *Synchronous:* the gradients of a quorum make one update, as one batch of all their rows would.
/// What comes late counts in the next update.
///
/// A learner is waited for until it has been silent for `silentAfter`.
struct GradientsMerger: Merger {
  private struct Learner {
    /// The updates in the weights that it computes a gradient on; nil if it waits for an answer, or
    /// has not been answered yet.
    var base: UInt64?
    /// When it joined, or sent or was sent something.
    var heardAt: Instant
  }

  private let configuration: GradientsConfiguration
  private let descent: OptimizerStep
  private let incarnation: Identifier
  private var learners: [Identifier: Learner] = [:]
  private var sum: GradientSum
  /// The gradients in `sum`, and what they will be answered.
  private var open: [(answer: Answer, sequence: UInt64)] = []
  /// What is done and not answered yet, oldest first.
  private var answers: [Answer] = []
  /// When the updates since the last version were computed; nil if there are none. They are in the
  /// state and its clock already.
  private var unpublished: (oldest: Int64, newest: Int64)?
  private(set) var counters = MergerCounters()
  /// When `advance` finds a learner silent for which something waits.
  private(set) var waitsUntil: Instant?

  init(_ configuration: GradientsConfiguration, parameters: Int, incarnation: Identifier) {
    self.configuration = configuration
    self.incarnation = incarnation
    descent = OptimizerStep(configuration.descent)
    sum = GradientSum(count: parameters)
  }

  let isSavedEachVersion = false
  var hasUnpublished: Bool { unpublished != nil }

  /// The largest magnitude of a value: no optimizer makes an update of it that leaves float32.
  private static var valueMax: Float { 1e12 }

  mutating func admit(_ learner: Identifier, now: Instant) {
    if learners[learner] == nil { learners[learner] = Learner(base: nil, heardAt: now) }
  }

  mutating func forget(_ learner: Identifier) {
    learners[learner] = nil
    answers.removeAll { $0.learner == learner }
  }

  func owes(_ learner: Identifier) -> Bool {
    answers.contains { $0.learner == learner } || open.contains { $0.answer.learner == learner }
  }

  mutating func add(
    _ change: Change, into state: inout ParameterState, now: Instant
  ) -> Added {
    guard case .gradient(let gradient) = change else { return restore(change, into: &state) }
    guard gradient.incarnation != incarnation || gradient.base <= state.updates else {
      return .refused("base: expected at most \(state.updates) updates, found \(gradient.base)")
    }
    guard gradient.rows > 0, gradient.weightMax > 0 else { return .refused(Self.problem) }
    let staleness = staleness(of: gradient, in: state)
    let isLate = staleness > configuration.maxStaleness
    if isLate && configuration.late != .scale || isDroppedWhenLate && staleness > 0
      || makesOthersLate(gradient.id, updates: state.updates, now: now)
    {
      learners[gradient.id] = Learner(base: nil, heardAt: now)
      counters.dropped += 1
      answers.append(Answer(learner: gradient.id, outcome: .dropped, staleness: staleness))
      return .taken
    }
    guard sum.add(gradient, limit: Self.valueMax) else { return .refused(Self.problem) }
    learners[gradient.id] = Learner(base: nil, heardAt: now)
    if isLate { counters.scaled += 1 }
    counters.staleness += 0.01 * (Double(staleness) - counters.staleness)
    open.append((Answer(learner: gradient.id, outcome: .applied, staleness: staleness), gradient.sequence))
    if case .synchronous = configuration.mode {
      return update(&state, now: now).map(Added.updated) ?? .taken
    }
    return .updated(update(&state, divisor: isLate ? Double(staleness) : 1))
  }

  private static let problem =
    "expected values within ±\(valueMax), at least 1 row and a largest weight above 0; a diverged learner's "
    + "gradient is not applied"

  /// A newcomer's first gradient, or one after a silence, was not reckoned with when others were
  /// answered.
  private func makesOthersLate(_ id: Identifier, updates: UInt64, now: Instant) -> Bool {
    if let learner = learners[id], learner.base != nil, !isSilent(learner, now: now) { return false }
    return !mayCompute(beside: id, updates: updates, now: now)
  }

  /// Weights that replace those that diverged come as a delta. The optimizer begins again at
  /// zero: its moments point to where the weights diverged.
  private mutating func restore(_ change: Change, into state: inout ParameterState) -> Added {
    guard case .delta(let delta) = change, delta.restores else {
      return .refused(
        "aggregation.kind is gradients: expected GRADIENT, found DELTA; start learner and parameter server from "
          + "the same configuration")
    }
    let sum = FlatSum(count: state.values.count)
    guard AveragingMerger.areCountsSound(delta),
      sum.add(delta.values, weight: 1, limit: AveragingMerger.valueMax)
    else { return .refused(AveragingMerger.problem) }
    state.values.withUnsafeMutableBufferPointer { sum.addScaled(to: $0, by: 1) }
    for index in state.vectors.indices {
      state.vectors[index].values = Array(repeating: 0, count: state.values.count)
      state.vectors[index].number = 0
    }
    state.updates += 1
    unpublished = unpublished ?? (0, 0)
    return .updated(MadeUpdate(changes: [(delta.id, delta.sequence)]))
  }

  /// In synchronous updates, `drop` is for all that miss theirs.
  private var isDroppedWhenLate: Bool {
    if case .synchronous = configuration.mode { configuration.late == .drop } else { false }
  }

  /// Of a gradient on weights of an earlier incarnation: how far the two are apart. Those weights
  /// had updates that were not saved.
  private mutating func staleness(of gradient: Gradient, in state: ParameterState) -> UInt64 {
    guard gradient.incarnation != incarnation else { return state.updates - gradient.base }
    if gradient.base > state.updates {
      counters.updatesLost = max(counters.updatesLost, gradient.base - state.updates)
      return gradient.base - state.updates
    }
    return state.updates - gradient.base
  }

  /// Makes a synchronous update if its quorum is complete.
  mutating func update(_ state: inout ParameterState, now: Instant) -> MadeUpdate? {
    guard case .synchronous(let quorum) = configuration.mode, !open.isEmpty else { return nil }
    let contributed = Set(open.map(\.answer.learner))
    let awaited = learners.filter { !contributed.contains($0.key) && !isSilent($0.value, now: now) }
    guard open.count >= quorum.members(of: open.count + awaited.count) else { return nil }
    return update(&state, divisor: 1)
  }

  private mutating func update(_ state: inout ParameterState, divisor: Double) -> MadeUpdate {
    descent.apply(sum.values, scale: sum.scale, divisor: divisor, to: &state)
    state.updates += 1
    unpublished = (
      min(unpublished?.oldest ?? .max, sum.oldest), max(unpublished?.newest ?? 0, sum.newest)
    )
    sum.clear()
    let made = MadeUpdate(changes: open.map { ($0.answer.learner, $0.sequence) })
    answers += open.map(\.answer).filter { learners[$0.learner] != nil }
    open.removeAll(keepingCapacity: true)
    return made
  }

  func closesAt(lastPublished: Instant, publishEvery: Instant.Span) -> Instant? {
    unpublished.map { _ in lastPublished + publishEvery }
  }

  func prepare(_ state: inout ParameterState) -> String? { descent.prepare(&state) }

  mutating func merge(into state: inout ParameterState) -> MergedUpdates {
    defer { unpublished = nil }
    return MergedUpdates(
      count: 0, clock: 0, oldest: unpublished?.oldest ?? 0, newest: unpublished?.newest ?? 0)
  }
}

extension GradientsMerger {
  private func isSilent(_ learner: Learner, now: Instant) -> Bool {
    now >= learner.heardAt + configuration.silentAfter
  }

  mutating func takeAnswer(updates: UInt64, now: Instant) -> Answer? {
    defer { note(now: now) }
    guard let answer = answers.first, mayCompute(updates: updates, now: now) else { return nil }
    answers.removeFirst()
    learners[answer.learner] = Learner(base: updates, heardAt: now)
    return answer
  }

  /// Whether one more update may be made than those that compute now will make, on weights of
  /// `updates` updates.
  ///
  /// In the worst case all that compute now, and the new one, send theirs before the slowest does.
  /// So the slowest will be its present staleness, and one for each of the others, too late.
  /// - Parameter id: a learner that is not counted.
  private func mayCompute(beside id: Identifier? = nil, updates: UInt64, now: Instant) -> Bool {
    guard configuration.mode == .asynchronous, configuration.late == .wait else { return true }
    var (others, oldest) = (UInt64(0), updates)
    for (other, learner) in learners where other != id {
      guard let base = learner.base, !isSilent(learner, now: now) else { continue }
      others += 1
      oldest = min(oldest, base)
    }
    return others == 0 || updates - oldest + others <= configuration.maxStaleness
  }

  /// Notes how many wait, and until when at most.
  private mutating func note(now: Instant) {
    counters.waiting = answers.count + open.count
    guard counters.waiting > 0 else { return waitsUntil = nil }
    let contributed = Set(open.map(\.answer.learner))
    waitsUntil =
      learners.filter { !contributed.contains($0.key) && !isSilent($0.value, now: now) }
      .map { $0.value.heardAt + configuration.silentAfter }.min()
  }
}
