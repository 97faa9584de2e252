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
/// An item whose grant was given at version v must be in the batch of version v + η at the latest.
/// Items are served in the order of their weights' versions. A batch is held while it would take
/// the place of items whose grants have not been acted: of those that must be trained on up to some
/// version, more would be left than the batches up to that version have room for. So a slow actor
/// delays the others, and none of its steps is lost.
///
/// A grant ends with its actor, as soon as it is silent. What a silent learner holds counts as
/// spent. So the run goes on; what then comes too old is not trained on, and counted.
///
/// If no grant is under way and the items are too few for a batch, the next grant is given even so.
struct StepPacer {
  private struct Actor {
    /// The last request that was granted, and its answer.
    var granted: StepGrant?
    /// Steps of the grant that have not come yet.
    var left: UInt64 = 0
    /// A request that waits; nil if none does.
    var asked: StepRequest?
    var askedAt = Instant.never
    /// The order of requests.
    var turn: UInt64 = 0
    /// Steps of each stream since its last complete item, and their sum.
    var unfinished: [UInt32: Int] = [:]
    var unfinishedSum = 0
    var heardAt: Instant
  }

  private struct Learner {
    /// The answers that it has not finished: their items and the oldest version.
    var answers: [(request: UInt64, items: Int, oldest: UInt64, servedAt: Instant)] = []
    var heardAt: Instant
  }

  let configuration: PacingConfiguration
  private var actors: [Int: Actor] = [:]
  private var learners: [PeerID: Learner] = [:]
  private var nextTurn: UInt64 = 0
  /// The newest weights that a learner has.
  private(set) var version: UInt64 = 0
  /// Shards that there are.
  var shards = 1
  /// Steps that came without a grant.
  private(set) var ungranted: UInt64 = 0

  init(_ configuration: PacingConfiguration) {
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

  /// Whether a request was answered so recently that it was repeated before the answer came.
  func isAnswered(_ request: UInt64, of learner: PeerID, now: Instant) -> Bool {
    learners[learner]?.answers.contains {
      $0.request == request && now < $0.servedAt + configuration.answerTravels
    } == true
  }

  /// A learner has asked for a batch. If it was answered before, the answer was lost.
  mutating func receive(request: UInt64, from learner: PeerID, now: Instant) {
    learners[learner, default: Learner(heardAt: now)].heardAt = now
    learners[learner]?.answers.removeAll { $0.request == request }
  }

  /// A learner was sent items.
  mutating func didServe(_ request: UInt64, items: Int, oldest: UInt64, to learner: PeerID, now: Instant) {
    receive(request: request, from: learner, now: now)
    learners[learner]?.answers.append((request, items, oldest, now))
  }

  mutating func forget(learner: PeerID) { learners[learner] = nil }

  /// Receives a request of an actor. Returns the answer if it was answered before.
  mutating func receive(_ request: StepRequest, from actor: Int, now: Instant) -> StepGrant? {
    actors[actor, default: Actor(heardAt: now)].heardAt = now
    if let granted = actors[actor]?.granted, request.number <= granted.number {
      return request.number == granted.number ? granted : nil
    }
    guard actors[actor]?.asked?.number != request.number else { return nil }
    actors[actor]?.asked = request
    actors[actor]?.askedAt = now
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

  /// Why a batch must wait; nil if it need not. O(actors + η).
  ///
  /// A learner's next batch is trained on the newest weights. A single learner of a single shard
  /// may also have one while it trains on another: that is for the weights that it makes of the
  /// other.
  /// - Parameters:
  ///   - count: the items of the batch.
  ///   - ages: the items in the table by their staleness at a version, from 0 to η; older ones
  ///     count as η.
  func reasonHeld(
    _ count: Int, for learner: PeerID, now: Instant, ages: (_ version: UInt64) -> [Int]
  ) -> String? {
    if waitsForItsLast(learner, now: now, ages: ages) {
      return "its learner still trains on the batch before"
    }
    let at = version + UInt64(ahead(learner))
    return actorsHold(count, for: learner, at: at, ages: ages(at), now: now) ?? othersHold(learner, now: now)
  }

  /// Whether a learner's batch waits until it has trained on the one that it has. That holds up no
  /// other learner.
  func waitsForItsLast(_ learner: PeerID, now: Instant, ages: (_ version: UInt64) -> [Int]) -> Bool {
    let ahead = ahead(learner)
    // Items that would be too old after the batch before are removed once it is trained on.
    return ahead > 0 && (ahead > 1 || heardLearners(now: now).count > 1 || ages(version).last != 0)
  }

  /// Updates that a learner makes before it trains on the next batch. Parts of one batch come from
  /// several shards, and of one update from several learners: there it asks for no batch ahead.
  private func ahead(_ learner: PeerID) -> Int {
    shards > 1 || configuration.isSynchronous ? 0 : learners[learner]?.answers.count ?? 0
  }

  /// What actors still make must not get too old because the batch, for weights of `version`, takes
  /// its place.
  private func actorsHold(
    _ count: Int, for learner: PeerID, at version: UInt64, ages: [Int], now: Instant
  ) -> String? {
    let eta = Int(clamping: configuration.staleness)
    var left = ages
    var acting = 0
    for actor in actors.values where isActing(actor, now: now) {
      left[min(eta, Int(clamping: version - min(version, actor.granted?.version ?? 0)))] += items(of: actor)
      acting += 1
    }
    guard acting > 0 else { return nil }
    // The batch takes the oldest that are there.
    var taken = count
    for age in stride(from: eta, through: 0, by: -1) where taken > 0 {
      let some = min(taken, ages[age])
      left[age] -= some
      taken -= some
    }
    // Of an age a, all must be in the batches of the next η − a versions.
    let update = itemsOfUpdate(now: now)
    var room = itemsOfOthers(learner, now: now)
    var sum = 0
    for age in stride(from: eta, through: 0, by: -1) {
      sum += left[age]
      if Double(sum) > room {
        return
          "\(acting) actors act on grants whose \(sum) items of version \(version - min(version, UInt64(age))) or "
          + "earlier would be too old after this batch (max_staleness \(configuration.staleness))"
      }
      room += update
    }
    return nil
  }

  /// Asynchronous learners: what one trains on must not get too old by another's update.
  private func othersHold(_ learner: PeerID, now: Instant) -> String? {
    if configuration.isSynchronous { return nil }
    let busy = heardLearners(now: now).count { id, other in
      id != learner && other.answers.contains { $0.oldest + configuration.staleness <= version }
    }
    return busy == 0
      ? nil
      : "\(busy) learners still train on items that would be too old after this batch (max_staleness "
        + "\(configuration.staleness))"
  }

  /// Items that an actor's grant makes.
  private func items(of actor: Actor) -> Int {
    let period = UInt64(configuration.period)
    return max(Int(clamping: (actor.left + period - 1) / period), actor.unfinished.count)
  }

  /// Items of this shard that one update consumes.
  private func itemsOfUpdate(now: Instant) -> Double {
    let sharing = configuration.isSynchronous ? max(1, heardLearners(now: now).count) : 1
    return Double(configuration.batch * sharing) / Double(max(1, shards))
  }

  /// Synchronous learners: items that others still take for the update that this batch is for.
  private func itemsOfOthers(_ learner: PeerID, now: Instant) -> Double {
    guard configuration.isSynchronous else { return 0 }
    let others = heardLearners(now: now).count { $0.key != learner && $0.value.answers.isEmpty }
    return Double(configuration.batch * others) / Double(max(1, shards))
  }

  /// The learners that are not silent.
  private func heardLearners(now: Instant) -> [PeerID: Learner] {
    learners.filter { !isSilent($0.value.heardAt, now: now) }
  }

  /// Gives the next grant that there is room for.
  /// - Parameters:
  ///   - items: in the table.
  ///   - wanted: items that the batch which waits needs; nil if none waits.
  ///   - committed: an actor's last committed message. What it sent before its request comes first.
  mutating func nextGrant(
    items: Int, wanted: Int?, committed: (Int) -> UInt64, now: Instant
  ) -> (actor: Int, grant: StepGrant)? {
    let askers = actors.filter { actor, state in
      state.asked.map { committed(actor) >= $0.sequence } == true && !isSilent(state.heardAt, now: now)
    }
    guard let next = askers.min(by: { $0.value.turn < $1.value.turn }), let asked = next.value.asked else {
      return nil
    }
    // What was left of their last grants is given back.
    for actor in askers.keys { actors[actor]?.left = 0 }
    let used = usedSteps(items: items, now: now)
    // A synchronous learner's items stay under way until the other learners have theirs.
    let isTraining = itemsUnderWay(now: now) > 0 && !(configuration.isSynchronous && wanted != nil)
    let isIdle = !isTraining && !actors.values.contains { isActing($0, now: now) }
    let isStarving = isIdle && items < wanted ?? ((configuration.batch + shards - 1) / max(1, shards))
    guard used + Double(asked.steps) <= window(now: now) || isStarving || asked.steps == 0 else { return nil }
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
    heardLearners(now: now).values.reduce(0) { $0 + $1.answers.reduce(0) { $0 + $1.items } }
  }

  /// B·(η + 1) of this shard, in steps.
  private func window(now: Instant) -> Double {
    itemsOfUpdate(now: now) * Double(configuration.period) * Double(configuration.staleness + 1)
  }

  /// Steps that are granted, or in items that are not trained on yet.
  private func usedSteps(items: Int, now: Instant) -> Double {
    let acting = actors.values.filter { !isSilent($0.heardAt, now: now) }
      .reduce(0.0) { $0 + Double($1.unfinishedSum) + Double($1.left) }
    return acting + Double((items + itemsUnderWay(now: now)) * configuration.period)
  }

  /// Actors that wait for a grant.
  var waiting: Int { actors.values.count { $0.asked != nil } }
  /// The same in the order of their requests, with when they asked.
  var waitingInTurn: [(actor: Int, since: Instant)] {
    actors.filter { $0.value.asked != nil }.sorted { $0.value.turn < $1.value.turn }
      .map { ($0.key, $0.value.askedAt) }
  }
  /// Steps granted that have not come yet.
  var outstanding: UInt64 { actors.values.reduce(0) { $0 + $1.left } }
}
