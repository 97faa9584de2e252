// Makes learners' changes into versions of the weights.

public import Experience
internal import Foundations
internal import Wire

/// Admits learners, accepts each change once, and makes, saves and publishes versions.
///
/// * Each change is merged once, also across a restart of the server: `merged` has the last
///   sequence of each learner, and is saved with the weights. Deltas are saved before they are
///   published. What large gradients made is saved less often (`WeightsAuthority+Saving`), and what
///   a restart loses of it is counted.
/// * Versions only grow, also across a restart.
///
/// The `Merger` decides how changes enter the weights, and when.
public struct WeightsAuthority<Store: ParameterStore> {
  /// Counts since the start of this incarnation.
  public struct Counters: Sendable {
    /// Deltas and gradients accepted.
    public var changesMerged: UInt64 = 0
    /// Those that had been accepted before.
    public var changesRepeated: UInt64 = 0
    /// Those of another network, or not finite.
    public var changesRefused: UInt64 = 0
    /// Publications, answers to new subscribers and repetitions included.
    public var publications: UInt64 = 0
    /// Versions that could not be saved; they were published even so.
    public var saveFailures: UInt64 = 0
    /// New subscribers that were not answered at once; they get the next publication.
    public var newcomersDropped: UInt64 = 0
  }

  private struct Accepted {
    var id: Identifier
    var merged: Merged
  }

  struct Member {
    let name: PublicName
    /// The connection that the learner joined over; its messages over other connections are
    /// refused.
    var peer: PeerID
    var index: Int
    /// The last change that is in the weights or will be, or was dropped.
    var accepted: UInt64
    /// What became of the last gradient that was answered.
    var answer: Answer?
    var lastHeard: Instant
  }

  let configuration: ParameterServerConfiguration
  /// The random id of this start of the server.
  public let incarnation: Identifier
  /// The newest version.
  public internal(set) var state: ParameterState
  /// Counts since the start of this incarnation.
  public internal(set) var counters = Counters()
  /// What the user should know of the saved state; nil for nothing.
  let notice: String?
  /// The error of the last save; nil if it succeeded.
  public internal(set) var saveProblem: String?
  /// Where versions are saved.
  public internal(set) var store: Store
  /// When the state was saved last, and whether it has changed since.
  var savedAt: Instant
  var isUnsaved = false
  /// Versions up to this one may be published without a save.
  var savedThrough: UInt64 = 0

  private(set) var members: [Identifier: Member] = [:]
  private(set) var merger: any Merger
  /// The changes that are not in the state yet; they stay if their learner leaves before.
  private var accepted: [Accepted] = []
  private var lastPublished: Instant
  /// From the last publication to the next of the same version.
  private var republishWait: Instant.Span
  private(set) var lastMerged = MergedUpdates(count: 0, clock: 0, oldest: 0, newest: 0)
  /// Topics of new subscribers that wait for the current version.
  var newcomers: [String] = []
  var newcomersAnswered = 0
  let scratch = FrameWriter(capacity: 1 << 16)

  /// - Parameter state: the initial weights, or those that the store saved.
  init(
    configuration: ParameterServerConfiguration, incarnation: Identifier, state: ParameterState,
    store: Store, now: Instant
  ) {
    precondition(state.values.count == state.manifest.elementCount)
    self.configuration = configuration
    self.incarnation = incarnation
    self.state = state
    self.store = store
    if configuration.milestoneEvery == nil {
      self.state.milestone = nil
    } else if state.milestone == nil {
      self.state.milestone = Milestone(version: state.version, clock: state.clock, values: state.values)
    }
    merger = configuration.aggregation.merger(parameters: state.values.count, incarnation: incarnation)
    notice = merger.prepare(&self.state)
    // The first new version need not wait for `publishEvery`.
    lastPublished = now - configuration.publishEvery
    republishWait = configuration.republishEvery
    savedAt = now
    skipReserved(now: now)
  }
}

extension WeightsAuthority {
  /// A refusal for a learner of another network, else nil.
  func mismatch(of join: Join) -> Refusal? {
    state.manifest.mismatch(with: join.manifest).map {
      refusal(.mismatch, .join, $0 + "; start learner and parameter server from the same configuration")
    }
  }

  /// Admits a learner and answers it, or returns a refusal.
  mutating func join(_ join: Join, from peer: PeerID, now: Instant, sink: some FrameSink) -> Refusal? {
    // A connection belongs to one process, and a process is one learner.
    for (id, member) in members where member.peer == peer && id != join.id { remove(id) }
    if members[join.id] == nil {
      guard members.count < Limits.members else {
        return refusal(.busy, .join, "\(Limits.members) learners have joined already, the most allowed")
      }
      let used = Set(members.values.map(\.index))
      let index = (0...members.count).first { !used.contains($0) } ?? members.count
      let name = join.id.publicName
      let known = accepted.last { $0.id == join.id }?.merged ?? state.merged.last { $0.learner == name }
      members[join.id] = Member(
        name: name, peer: peer, index: index, accepted: known?.sequence ?? 0, lastHeard: now)
      merger.admit(join.id, now: now)
    }
    // Only the learner knows its id: over a new connection it is the same one, reconnected.
    members[join.id]?.peer = peer
    members[join.id]?.lastHeard = now
    Joined(
      incarnation: incarnation, index: members[join.id]?.index ?? 0, merged: members[join.id]?.accepted ?? 0,
      version: state.version
    ).encode(into: scratch)
    sink.send(scratch.bytes, to: peer)
    return nil
  }

  /// Accepts a change, or returns a refusal. A repeated one is counted, and answered again if it
  /// has been answered.
  mutating func accept(
    _ change: Change, from peer: PeerID, now: Instant, sink: some PublishingSink
  ) -> Refusal? {
    let id = change.id
    guard let member = members[id], member.peer == peer else {
      return refusal(.unknownPeer, change.type, "join over this connection first", change.sequence)
    }
    members[id]?.lastHeard = now
    guard change.values.count == state.values.count * 4 else {
      counters.changesRefused += 1
      let text = "values: expected \(state.values.count * 4) bytes, found \(change.values.count)"
      return refusal(.mismatch, change.type, text, change.sequence)
    }
    guard change.sequence > member.accepted else {
      counters.changesRepeated += 1
      if change.type == .gradient, !merger.owes(id) { answer(id, member.answer, sink: sink) }
      return nil
    }
    let added = merger.add(change, into: &state, now: now)
    if case .refused(let problem) = added {
      counters.changesRefused += 1
      return refusal(.invalid, change.type, problem, change.sequence)
    }
    members[id]?.accepted = change.sequence
    accepted.append(Accepted(id: id, merged: Merged(learner: member.name, sequence: change.sequence)))
    counters.changesMerged += 1
    if case .updated(let made) = added { finish(made, now: now, sink: sink) }
    advanceMerger(to: now, sink: sink)
    return nil
  }

  /// Counts the steps that an actor reports. They are saved and published with the weights.
  mutating func record(envSteps: Double, of actor: PublicName) {
    state.envSteps.record(envSteps, of: actor)
  }

  /// Any message shows that a learner is alive, also while it waits for experience and sends no
  /// delta.
  /// - Returns: False if `id` is a learner's that joined over another connection.
  mutating func hear(_ id: Identifier, from peer: PeerID, now: Instant) -> Bool {
    guard let member = members[id] else { return true }
    guard member.peer == peer else { return false }
    members[id]?.lastHeard = now
    return true
  }

  /// Removes a learner that leaves.
  /// - Returns: False if it joined over another connection.
  mutating func goodbye(_ id: Identifier, from peer: PeerID) -> Bool {
    guard let member = members[id] else { return true }
    guard member.peer == peer else { return false }
    remove(id)
    return true
  }

  mutating func advance(to now: Instant, sink: some PublishingSink) {
    for (id, member) in members where now >= member.lastHeard + configuration.memberGoneAfter { remove(id) }
    answerNewcomers(now: now, sink: sink)
    advanceMerger(to: now, sink: sink)
    if now >= lastPublished + republishWait, !merger.hasUnpublished {
      lastPublished = now
      republishWait = min(republishWait + republishWait, configuration.republishEvery)
      publishMilestone(topic: Weights.topicMilestone, sink: sink)
      publish(topic: Weights.topicAll, sink: sink)
    }
  }

  func nextDeadline(now: Instant) -> Instant {
    if !newcomers.isEmpty { return now }
    let deadline = min(closesAt ?? .never, merger.waitsUntil ?? .never)
    return min(deadline, lastPublished + republishWait)
  }
}

extension WeightsAuthority {
  private var closesAt: Instant? {
    merger.closesAt(lastPublished: lastPublished, publishEvery: configuration.publishEvery)
  }

  /// Its accepted deltas stay, and `merged` keeps its last sequence.
  private mutating func remove(_ id: Identifier) {
    members[id] = nil
    merger.forget(id)
  }

  /// Makes updates that are due, answers what can be answered, and makes a version that is due.
  private mutating func advanceMerger(to now: Instant, sink: some PublishingSink) {
    while let made = merger.update(&state, now: now) { finish(made, now: now, sink: sink) }
    // Before the answers: they name the newest version.
    if let closes = closesAt, now >= closes { makeVersion(now: now, sink: sink) }
    while let next = merger.takeAnswer(updates: state.updates, now: now) {
      members[next.learner]?.answer = next
      if next.outcome == .dropped {
        accepted.removeAll { $0.id == next.learner }
        counters.changesMerged -= 1
      }
      answer(next.learner, next, sink: sink)
    }
  }

  /// Records an update of the weights. If it is a milestone it is published at once: a milestone's
  /// weights are those of the update that reaches the multiple.
  private mutating func finish(_ update: MadeUpdate, now: Instant, sink: some PublishingSink) {
    isUnsaved = true
    for change in update.changes {
      accepted.removeAll { $0.id == change.learner && $0.merged.sequence <= change.sequence }
      // A member's name is known: it is a hash of its id.
      let name = members[change.learner]?.name ?? change.learner.publicName
      remember(Merged(learner: name, sequence: change.sequence))
    }
    let isMilestone = passesMilestone(clock: state.clock + 1)
    state.clock += 1
    if isMilestone { makeVersion(isMilestone: true, now: now, sink: sink) }
  }

  /// Sends the newest weights to a learner, as the answer to its last gradient.
  private mutating func answer(_ learner: Identifier, _ answer: Answer?, sink: some PublishingSink) {
    guard let member = members[learner] else { return }
    state.values.withUnsafeBytes { values in
      Updated(
        incarnation: incarnation, sequence: member.accepted, outcome: answer?.outcome ?? .applied,
        staleness: answer?.staleness ?? 0, version: state.version, updates: state.updates, clock: state.clock,
        envSteps: state.envSteps.total, values: values
      ).encode(into: scratch)
    }
    sink.send(scratch.bytes, to: member.peer)
  }

  mutating func makeVersion(
    isMilestone: Bool = false, now: Instant, sink: some PublishingSink
  ) {
    lastMerged = merger.merge(into: &state)
    state.updates += lastMerged.count
    state.version += 1
    let clock = state.clock + lastMerged.clock
    let passes = isMilestone || passesMilestone(clock: clock)
    state.clock = clock
    if passes { state.milestone = Milestone(version: state.version, clock: clock, values: state.values) }
    if merger.isSavedEachVersion {
      for change in accepted { remember(change.merged) }
      accepted.removeAll(keepingCapacity: true)
    }
    lastPublished = now
    republishWait = configuration.republishFirst ?? configuration.republishEvery
    isUnsaved = true
    saveIfDue(now: now)
    // The milestone comes first, so that subscribers have it when they get the version that names
    // it.
    if state.milestone?.version == state.version {
      publishMilestone(topic: Weights.topicMilestone, sink: sink)
    }
    publish(topic: Weights.topicAll, sink: sink)
  }

  /// Whether the weights are a milestone if their clock advances so far.
  private func passesMilestone(clock: Double) -> Bool {
    guard let every = configuration.milestoneEvery.map({ Double($0) }) else { return false }
    return (clock / every).rounded(.down) > (state.clock / every).rounded(.down)
  }

  /// Keeps the last delta of the newest `Limits.members` learners, and always those of members.
  private mutating func remember(_ delta: Merged) {
    state.merged.removeAll { $0.learner == delta.learner }
    state.merged.append(delta)
    guard state.merged.count > Limits.members else { return }
    let present = Set(members.values.map(\.name))
    state.merged.remove(at: state.merged.firstIndex { !present.contains($0.learner) } ?? 0)
  }

  private func refusal(
    _ code: RefusalCode, _ type: MessageType, _ text: String, _ reference: UInt64 = 0
  ) -> Refusal {
    Refusal(code: code, type: type.rawValue, reference: reference, text: text)
  }
}
