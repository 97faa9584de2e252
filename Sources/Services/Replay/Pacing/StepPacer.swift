// Which actors may act, so that nothing gets too old.

internal import Experience
internal import Foundations
internal import Wire

/// Gives actors leave to act, so that a table's items keep their bound on staleness η.
///
/// An update consumes B steps. Actors act on grants. A grant is given while
///
///     steps granted and not acted yet + steps of items that are not complete
///       + steps of items that wait or are being trained on  ≤  B·(η + 1)
///
/// so with i updates made, no step is granted that the update i + η + 1 or a later one would train
/// on. Each of M shards gives its part of B.
///
/// An item whose grant was given at version v must be trained on before there are more than v + η
/// updates. Items are served in the order of their weights' versions. A batch for the version k is
/// held while some grant of k − η or earlier has not been acted, or another learner trains on such
/// items: they could only be trained on later.
///
/// A grant ends with its actor, as soon as it is silent. What a silent learner holds counts as
/// spent. So the run goes on; what then comes too old is not trained on, and counted.
///
/// If no grant is under way, and the items are too few for a batch, the next grant is given even so.
struct StepPacer {
  struct Configuration: Hashable, Sendable {
    /// The table's number.
    var table: Int
    /// η.
    var staleness: UInt64
    /// Steps from the start of an item to that of the next.
    var period: Int
    /// Items of one batch.
    var batch: Int
    /// One update consumes a batch of each learner, not of one.
    var isSynchronous: Bool
    /// After this time of silence a grant has ended, and a learner's items count as spent.
    var silentAfter = Instant.Span.seconds(2)
  }

  private struct Actor {
    /// The last request that was granted, and its answer.
    var granted: StepGrant?
    /// Steps of the grant that have not come yet.
    var left: UInt64 = 0
    /// A request that waits; nil if none does.
    var asked: StepRequest?
    /// The order of requests.
    var turn: UInt64 = 0
    /// Steps of each stream since its last complete item, and their sum.
    var unfinished: [UInt32: Int] = [:]
    var unfinishedSum = 0
    var heardAt: Instant
  }

  private struct Learner {
    /// The answers that it has not finished: their items and the oldest version.
    var answers: [(request: UInt64, items: Int, oldest: UInt64)] = []
    var heardAt: Instant
  }

  let configuration: Configuration
  private var actors: [Int: Actor] = [:]
  private var learners: [PeerID: Learner] = [:]
  private var nextTurn: UInt64 = 0
  /// The newest weights that a learner has.
  private(set) var version: UInt64 = 0
  /// Shards that there are.
  var shards = 1
  /// Steps that came without a grant.
  private(set) var ungranted: UInt64 = 0

  init(_ configuration: Configuration) {
    self.configuration = configuration
  }
}

extension StepPacer {
  /// A learner has said how far it is.
  mutating func receive(_ progress: Progress, from learner: PeerID, now: Instant) {
    version = max(version, progress.version)
    learners[learner, default: Learner(heardAt: now)].heardAt = now
    learners[learner]?.answers.removeAll { $0.request <= progress.request }
  }

  /// A learner has asked for a batch.
  mutating func hear(_ learner: PeerID, now: Instant) {
    learners[learner, default: Learner(heardAt: now)].heardAt = now
  }

  /// A learner was sent items. An answer that was lost is drawn again under its number.
  mutating func didServe(_ request: UInt64, items: Int, oldest: UInt64, to learner: PeerID, now: Instant) {
    hear(learner, now: now)
    learners[learner]?.answers.removeAll { $0.request == request }
    learners[learner]?.answers.append((request, items, oldest))
  }

  mutating func forget(learner: PeerID) { learners[learner] = nil }

  /// Receives a request of an actor. Returns the answer if it was answered before.
  mutating func receive(_ request: StepRequest, from actor: Int, now: Instant) -> StepGrant? {
    actors[actor, default: Actor(heardAt: now)].heardAt = now
    if let granted = actors[actor]?.granted, request.number <= granted.number {
      return request.number == granted.number ? granted : nil
    }
    guard actors[actor]?.asked?.number != request.number else { return nil }
    actors[actor]?.left = 0
    actors[actor]?.asked = request
    actors[actor]?.turn = nextTurn
    nextTurn += 1
    return nil
  }

  /// Steps of an actor were committed.
  /// - Parameter chunks: each stream's, with the index after its last step.
  mutating func didInsert(
    of actor: Int, steps: Int, chunks: some Sequence<(stream: UInt32, next: UInt64)>, now: Instant
  ) {
    var state = actors[actor] ?? Actor(heardAt: now)
    state.heardAt = now
    if UInt64(steps) > state.left { ungranted += UInt64(steps) - state.left }
    state.left -= min(state.left, UInt64(steps))
    for chunk in chunks {
      // An item's last step is also the first of the next one.
      let steps = chunk.next == 0 ? 0 : Int((chunk.next - 1) % UInt64(configuration.period))
      state.unfinishedSum += steps - (state.unfinished.updateValue(steps, forKey: chunk.stream) ?? 0)
    }
    actors[actor] = state
  }

  mutating func forget(actor: Int) { actors[actor] = nil }

  /// Why a batch for the newest weights must wait; nil if it need not.
  func reasonHeld(for learner: PeerID, now: Instant) -> String? {
    func isDue(_ made: UInt64) -> Bool { made + configuration.staleness <= version }
    let grants = actors.values.count { isActing($0, now: now) && isDue($0.granted?.version ?? 0) }
    if grants > 0 {
      return
        "\(grants) actors still act on grants of version \(version - min(version, configuration.staleness)) or "
        + "earlier, whose steps version \(version) must train on (max_staleness \(configuration.staleness))"
    }
    // Synchronous learners train on the same version.
    if configuration.isSynchronous { return nil }
    let others = learners.filter { $0.key != learner && !isSilent($0.value.heardAt, now: now) }
    let busy = others.values.count { $0.answers.contains { isDue($0.oldest) } }
    return busy == 0
      ? nil
      : "\(busy) learners still train on items that would be too old after this batch (max_staleness "
        + "\(configuration.staleness))"
  }

  /// Gives the next grant that there is room for.
  /// - Parameters:
  ///   - items: in the table.
  ///   - isStarving: a batch waits for items.
  mutating func nextGrant(items: Int, isStarving: Bool, now: Instant) -> (actor: Int, grant: StepGrant)? {
    guard
      let next = actors.filter({ $0.value.asked != nil && !isSilent($0.value.heardAt, now: now) })
        .min(by: { $0.value.turn < $1.value.turn }), let asked = next.value.asked
    else { return nil }
    let used = usedSteps(items: items, now: now)
    let isIdle = !actors.values.contains { isActing($0, now: now) } && itemsUnderWay(now: now) == 0
    guard used + Double(asked.steps) <= window(now: now) || isStarving && isIdle || asked.steps == 0 else {
      return nil
    }
    let grant = StepGrant(number: asked.number, steps: asked.steps, version: version)
    actors[next.key]?.granted = grant
    actors[next.key]?.left = asked.steps
    actors[next.key]?.asked = nil
    return (next.key, grant)
  }

  /// When a silent actor or learner lets others go on; nil if none waits for one.
  func nextDeadline(now: Instant) -> Instant? {
    let heard =
      actors.values.filter { $0.left > 0 }.map(\.heardAt)
      + learners.values.filter { !$0.answers.isEmpty }.map(\.heardAt)
    return heard.map { $0 + configuration.silentAfter }.filter { $0 > now }.min()
  }
}

extension StepPacer {
  private func isSilent(_ heardAt: Instant, now: Instant) -> Bool {
    now >= heardAt + configuration.silentAfter
  }

  private func isActing(_ actor: Actor, now: Instant) -> Bool {
    actor.left > 0 && !isSilent(actor.heardAt, now: now)
  }

  private func itemsUnderWay(now: Instant) -> Int {
    learners.values.filter { !isSilent($0.heardAt, now: now) }
      .reduce(0) { $0 + $1.answers.reduce(0) { $0 + $1.items } }
  }

  /// B·(η + 1) of this shard, in steps.
  private func window(now: Instant) -> Double {
    let sharing =
      configuration.isSynchronous ? max(1, learners.values.count { !isSilent($0.heardAt, now: now) }) : 1
    let update = Double(configuration.batch * configuration.period * sharing) / Double(max(1, shards))
    return update * Double(configuration.staleness + 1)
  }

  /// Steps that are granted, or in items that are not trained on yet.
  private func usedSteps(items: Int, now: Instant) -> Double {
    let acting = actors.values.reduce(0.0) { sum, actor in
      sum + Double(actor.unfinishedSum) + (isActing(actor, now: now) ? Double(actor.left) : 0)
    }
    return acting + Double((items + itemsUnderWay(now: now)) * configuration.period)
  }

  /// Actors that wait for a grant.
  var waiting: Int { actors.values.count { $0.asked != nil } }
  /// Steps granted that have not come yet.
  var outstanding: UInt64 { actors.values.reduce(0) { $0 + $1.left } }
}
