// The authority on weights.

public import Experience
internal import Foundations
internal import Wire

/// Knows the learners, takes each delta once, and makes, keeps and publishes versions.
///
/// * A delta counts once: (learner's incarnation, sequence) against doubling, also across a restart, since `merged` is saved with
///   the weights, before they are published.
/// * Versions only grow.
///
/// What deltas make of the weights, and when, its `Merger` says.
public struct WeightsAuthority<Store: ParameterStore> {
  public struct Counters: Sendable {
    public var changesMerged: UInt64 = 0
    public var changesRepeated: UInt64 = 0
    public var changesRefused: UInt64 = 0
    public var publications: UInt64 = 0
    public var saveFailures: UInt64 = 0
    /// Newcomers' subscriptions that were not answered at once: they get the next publication.
    public var newcomersDropped: UInt64 = 0
  }

  struct Contribution {
    var id: Identifier
    var merged: Merged
  }

  struct Member {
    let name: PublicName
    /// The connection that it joined over: nothing counts as this learner's from another one.
    var peer: PeerID
    var index: Int
    /// The last delta that is in the weights or will be in the next version.
    var accepted: UInt64
    var lastHeard: Instant
  }

  let configuration: ParameterServerConfiguration
  public let incarnation: Identifier
  public private(set) var state: ParameterState
  public internal(set) var counters = Counters()
  /// Why the last save failed, while it does.
  public private(set) var saveProblem: String?
  public private(set) var store: Store

  private(set) var members: [Identifier: Member] = [:]
  private var merger: any Merger
  /// What the next version will hold: it stays, also if the learner leaves before.
  private var contributions: [Contribution] = []
  private var lastPublished: Instant
  private(set) var lastMerged = MergedUpdates(count: 0, clock: 0, oldest: 0, newest: 0)
  /// Topics of newcomers that wait for the current version.
  var newcomers: [String] = []
  var newcomersAnswered = 0
  let scratch = FrameWriter(capacity: 1 << 16)

  /// - Parameter state: the initial weights, or what the store kept.
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
    // Another process may hold a publication of this version: what follows is newer.
    lastPublished = now - configuration.publishEvery
  }
}

extension WeightsAuthority {
  /// A refusal for a learner of another network.
  func mismatch(of join: Join) -> Refusal? {
    state.manifest.mismatch(with: join.manifest).map {
      refusal(.mismatch, .join, $0 + "; start learner and parameter server from the same configuration")
    }
  }

  /// Answers a learner, or says why not.
  mutating func join(_ join: Join, from peer: PeerID, now: Instant, sink: some FrameSink) -> Refusal? {
    // A connection is one process, and one process is one learner.
    for (id, member) in members where member.peer == peer && id != join.id { remove(id) }
    if members[join.id] == nil {
      guard members.count < Limits.members else {
        return refusal(.busy, .join, "\(Limits.members) learners are the most")
      }
      let taken = Set(members.values.map(\.index))
      let index = (0...members.count).first { !taken.contains($0) } ?? members.count
      let name = join.id.publicName
      let known =
        contributions.last { $0.id == join.id }?.merged ?? state.merged.last { $0.learner == name }
      members[join.id] = Member(
        name: name, peer: peer, index: index, accepted: known?.sequence ?? 0, lastHeard: now)
    }
    // Nobody else knows its id: over a new connection it is the same learner, reconnected.
    members[join.id]?.peer = peer
    members[join.id]?.lastHeard = now
    Joined(
      incarnation: incarnation, index: members[join.id]?.index ?? 0, merged: members[join.id]?.accepted ?? 0,
      version: state.version
    ).encode(into: scratch)
    sink.send(scratch.bytes, to: peer)
    return nil
  }

  /// Takes a delta, or says why not.
  mutating func take(
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

  /// A learner that waits for experience has no delta to send, but it is there. Returns whether who
  /// speaks in this name may: only the connection that joined as a learner.
  mutating func hear(_ id: Identifier, from peer: PeerID, now: Instant) -> Bool {
    guard let member = members[id] else { return true }
    guard member.peer == peer else { return false }
    members[id]?.lastHeard = now
    return true
  }

  /// The same for one that leaves.
  mutating func goodbye(_ id: Identifier, from peer: PeerID) -> Bool {
    guard let member = members[id] else { return true }
    guard member.peer == peer else { return false }
    remove(id)
    return true
  }

  mutating func advance(to now: Instant, sink: some PublishingSink) {
    for (id, member) in members where now >= member.lastHeard + configuration.memberGoneAfter { remove(id) }
    welcomeNewcomers(sink)
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

  /// What a learner contributed stays; `merged` remembers its last delta.
  private mutating func remove(_ id: Identifier) {
    members[id] = nil
    merger.forget(id)
  }

  private mutating func makeVersion(now: Instant, sink: some PublishingSink) {
    lastMerged = merger.merge(into: &state.values)
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
    // Before the version itself: whoever gets that has the milestone that it names.
    if state.milestone?.version == state.version {
      publishMilestone(topic: Weights.topicMilestone, sink: sink)
    }
    publish(topic: Weights.topicAll, sink: sink)
  }

  /// Keeps the weights if their clock passes a multiple.
  private mutating func passMilestone(clock: Double) {
    defer { state.clock = clock }
    guard let every = configuration.milestoneEvery.map({ Double($0) }),
      (clock / every).rounded(.down) > (state.clock / every).rounded(.down)
    else { return }
    state.milestone = Milestone(version: state.version, clock: clock, values: state.values)
  }

  /// The newest `Limits.members` learners' last deltas. Those of members are never forgotten,
  /// however many others come and go.
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
