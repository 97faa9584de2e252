// Merges learners' deltas into versions of the weights.

public import Experience
internal import Foundations
internal import Wire

/// Admits learners, accepts each delta once, and makes, saves and publishes versions.
///
/// * Each delta is merged once, also across a restart of the server: `merged` has the last sequence
///   of each learner, and is saved with the weights before they are published.
/// * Versions only grow.
///
/// The `Merger` decides how deltas change the weights, and when.
public struct WeightsAuthority<Store: ParameterStore> {
  /// Counts since the start of this incarnation.
  public struct Counters: Sendable {
    /// Deltas accepted for the next version.
    public var changesMerged: UInt64 = 0
    /// Deltas that had been accepted before.
    public var changesRepeated: UInt64 = 0
    /// Deltas of another network, or not finite.
    public var changesRefused: UInt64 = 0
    /// Publications, answers to new subscribers and repetitions included.
    public var publications: UInt64 = 0
    /// Versions that could not be saved; they were published even so.
    public var saveFailures: UInt64 = 0
    /// New subscribers that were not answered at once; they get the next publication.
    public var newcomersDropped: UInt64 = 0
  }

  struct Contribution {
    var id: Identifier
    var merged: Merged
  }

  struct Member {
    let name: PublicName
    /// The connection that the learner joined over; its messages over other connections are
    /// refused.
    var peer: PeerID
    var index: Int
    /// The last delta that is in the weights or will be in the next version.
    var accepted: UInt64
    var lastHeard: Instant
  }

  let configuration: ParameterServerConfiguration
  /// The random id of this start of the server.
  public let incarnation: Identifier
  /// The newest version.
  public private(set) var state: ParameterState
  /// Counts since the start of this incarnation.
  public internal(set) var counters = Counters()
  /// What the user should know of the saved state; nil for nothing.
  let notice: String?
  /// The error of the last save; nil if it succeeded.
  public private(set) var saveProblem: String?
  /// Where each version is saved.
  public private(set) var store: Store

  private(set) var members: [Identifier: Member] = [:]
  private var merger: any Merger
  /// The deltas of the next version; they stay if their learner leaves before.
  private var contributions: [Contribution] = []
  private var lastPublished: Instant
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
    merger = configuration.aggregation.merger(parameters: state.values.count)
    notice = merger.prepare(&self.state)
    // The first new version need not wait for `publishEvery`.
    lastPublished = now - configuration.publishEvery
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
      let known =
        contributions.last { $0.id == join.id }?.merged ?? state.merged.last { $0.learner == name }
      members[join.id] = Member(
        name: name, peer: peer, index: index, accepted: known?.sequence ?? 0, lastHeard: now)
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

  /// Accepts a delta for the next version, or returns a refusal. A repeated delta is only counted.
  mutating func accept(
    _ delta: Delta, from peer: PeerID, now: Instant, sink: some PublishingSink
  ) -> Refusal? {
    guard let member = members[delta.id], member.peer == peer else {
      return refusal(.unknownPeer, .delta, "join over this connection first", delta.sequence)
    }
    members[delta.id]?.lastHeard = now
    guard delta.values.count == state.values.count * 4 else {
      counters.changesRefused += 1
      let text = "values: expected \(state.values.count * 4) bytes, found \(delta.values.count)"
      return refusal(.mismatch, .delta, text, delta.sequence)
    }
    guard delta.sequence > member.accepted else {
      counters.changesRepeated += 1
      return nil
    }
    if let problem = merger.problem(with: delta) {
      counters.changesRefused += 1
      return refusal(.invalid, .delta, problem, delta.sequence)
    }
    members[delta.id]?.accepted = delta.sequence
    contributions.append(
      Contribution(id: delta.id, merged: Merged(learner: member.name, sequence: delta.sequence)))
    merger.add(delta, now: now)
    counters.changesMerged += 1
    if let closes = closesAt, now >= closes { makeVersion(now: now, sink: sink) }
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
    answerNewcomers(sink)
    if let closes = closesAt, now >= closes { makeVersion(now: now, sink: sink) }
    if now >= lastPublished + configuration.republishEvery {
      lastPublished = now
      publishMilestone(topic: Weights.topicMilestone, sink: sink)
      publish(topic: Weights.topicAll, sink: sink)
    }
  }

  func nextDeadline(now: Instant) -> Instant {
    if !newcomers.isEmpty { return now }
    return min(closesAt ?? .never, lastPublished + configuration.republishEvery)
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

  private mutating func makeVersion(now: Instant, sink: some PublishingSink) {
    lastMerged = merger.merge(into: &state)
    state.updates += lastMerged.count
    state.version += 1
    passMilestone(clock: state.clock + lastMerged.clock)
    for delta in contributions { remember(delta.merged) }
    contributions.removeAll(keepingCapacity: true)
    lastPublished = now
    do {
      try store.save(state)
      saveProblem = nil
    } catch {
      saveProblem = "\(error)"
      counters.saveFailures += 1
    }
    // The milestone comes first, so that subscribers have it when they get the version that names
    // it.
    if state.milestone?.version == state.version {
      publishMilestone(topic: Weights.topicMilestone, sink: sink)
    }
    publish(topic: Weights.topicAll, sink: sink)
  }

  /// Advances the clock, and keeps the weights as the milestone if it passes a multiple.
  private mutating func passMilestone(clock: Double) {
    defer { state.clock = clock }
    guard let every = configuration.milestoneEvery.map({ Double($0) }),
      (clock / every).rounded(.down) > (state.clock / every).rounded(.down)
    else { return }
    state.milestone = Milestone(version: state.version, clock: clock, values: state.values)
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
