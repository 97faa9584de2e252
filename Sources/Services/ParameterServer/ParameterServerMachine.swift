// The parameter server, without sockets or clock.

public import Experience
public import Foundations
public import Wire

/// The authority on weights and versions: merges learners' changes, keeps, publishes, and collects telemetry.
///
/// * A change counts once: (learner's life, sequence) against doubling, also across a restart, since `merged` is saved with
///   the weights, before they are published.
/// * Versions only grow.
/// * Published at most every `publishEvery`; again every `republishEvery` when nothing changes, because a publication may be lost.
public struct ParameterServerMachine<Store: ParameterStore> {
  public struct Configuration: Sendable {
    public var mode = AveragingMode.rounds
    public var publishEvery = Instant.Span.milliseconds(20)
    public var republishEvery = Instant.Span.seconds(1)
    /// A learner silent for this long is no longer waited for, and its index is free.
    public var memberGoneAfter = Instant.Span.seconds(5)
    /// See `Algorithm.milestoneEvery`.
    public var milestoneEvery: UInt64?
    public var processGoneAfter = Instant.Span.seconds(10)
    /// What this run's processes know: who joins, reports or evaluates without it is refused. Nil
    /// takes everybody.
    public var token: Identifier?

    public init() {}
  }

  public struct Counters: Sendable {
    public var changesMerged: UInt64 = 0
    public var changesRepeated: UInt64 = 0
    public var changesRefused: UInt64 = 0
    public var publications: UInt64 = 0
    public var malformed: UInt64 = 0
    public var saveFailures: UInt64 = 0
    /// Joins, reports and evaluations without the run's token.
    public var strangersRefused: UInt64 = 0
    /// Reports and goodbyes in the name of a learner that joined over another connection.
    public var impostorsRefused: UInt64 = 0
    /// Reports that found no room on the board.
    public var reportsDropped: UInt64 = 0
    /// Requests beyond what a connection may send.
    public var requestsDropped: UInt64 = 0
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
    /// The last change that is in `values` or in the open round.
    var accepted: UInt64
    var lastHeard: Instant
    var recentUpdates: UInt64 = 0
    var contributedToRound = false
  }

  public let configuration: Configuration
  public let incarnation: Identifier
  public internal(set) var state: ParameterState
  public internal(set) var counters = Counters()
  /// Why the last save failed, while it does.
  public internal(set) var saveProblem: String?
  public internal(set) var store: Store

  var members: [Identifier: Member] = [:]
  var round: MergeRound
  /// Whose changes are in the open round: they stay there, also if the learner leaves before it closes.
  var contributions: [Contribution] = []
  var roundOpenedAt: Instant?
  var lastPublished: Instant
  var lastOldest: Int64 = 0
  var lastNewest: Int64 = 0
  var board = ReportBoard()
  var budget = RequestBudget()
  /// Topics of newcomers that wait for the current version.
  var newcomers: [String] = []
  var newcomersAnswered = 0
  let startedAt: Instant
  let scratch = FrameWriter(capacity: 1 << 16)

  /// - Parameter state: the initial weights, or what the store kept.
  public init(
    configuration: Configuration, incarnation: Identifier, state: ParameterState, store: Store, now: Instant
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
    round = MergeRound(count: state.values.count)
    startedAt = now
    // Another process may hold a publication of this version: what follows is newer.
    lastPublished = now - configuration.publishEvery
  }

  /// The evaluations so far that are kept (the newest 4096).
  public var knownEvaluations: [Evaluation] { board.evaluations }
}

extension ParameterServerMachine {
  public mutating func receive(
    _ frame: UnsafeRawBufferPointer, from peer: PeerID, now: Instant, sink: some PublishingSink
  ) {
    var cursor = FrameCursor(frame)
    var type: MessageType?
    do throws(WireError) {
      let opened = try cursor.openMessage()
      type = opened
      // A learner has one change under way, and only learners' are looked into.
      // The status of all processes is the dearest answer.
      let cost = opened == .statusRequest ? 2 : 1
      guard opened == .change || budget.take(peer, cost: cost, now: now) else {
        return counters.requestsDropped += 1
      }
      try take(opened, &cursor, from: peer, now: now, sink: sink)
    } catch {
      counters.malformed += 1
      guard type != nil || budget.take(peer, now: now) else { return counters.requestsDropped += 1 }
      let code = error.unknownType == nil ? RefusalCode.malformed : .unsupported
      refuse(code, type?.rawValue ?? error.unknownType ?? 0, error.description, peer, sink)
    }
  }

  private mutating func take(
    _ type: MessageType, _ cursor: inout FrameCursor, from peer: PeerID, now: Instant,
    sink: some PublishingSink
  ) throws(WireError) {
    switch type {
    case .join: join(try Join(from: &cursor), from: peer, now: now, sink: sink)
    case .change: change(try Change(from: &cursor), from: peer, now: now, sink: sink)
    case .telemetry: try telemetry(&cursor, from: peer, now: now, sink: sink)
    case .evaluation: evaluation(try EvaluationReport(from: &cursor), from: peer, sink: sink)
    case .statusRequest: status(try StatusRequest(from: &cursor), to: peer, now: now, sink: sink)
    case .goodbye: goodbye(try Goodbye(from: &cursor).id, from: peer)
    case .healthRequest:
      try cursor.close()
      health(to: peer, now: now, sink: sink)
    default:
      refuse(
        .unsupported, type.rawValue, "the parameter server does not take messages of type \(type)", peer,
        sink)
    }
  }

  public mutating func advance(to now: Instant, sink: some PublishingSink) {
    for (id, member) in members where now >= member.lastHeard + configuration.memberGoneAfter {
      // What it contributed stays; `merged` remembers its last change.
      members[id] = nil
    }
    board.forget(silentFor: configuration.processGoneAfter, now: now)
    welcomeNewcomers(sink)
    if let closes = roundClosesAt, now >= closes { closeRound(now: now, sink: sink) }
    if now >= lastPublished + configuration.republishEvery {
      lastPublished = now
      publish(topic: Weights.topicAll, sink: sink)
    }
  }

  public func nextDeadline(now: Instant) -> Instant {
    if !newcomers.isEmpty { return now }
    return min(roundClosesAt ?? .never, lastPublished + configuration.republishEvery)
  }
}

extension ParameterServerMachine {
  private mutating func join(_ join: Join, from peer: PeerID, now: Instant, sink: some PublishingSink) {
    if let problem = state.manifest.mismatch(with: join.manifest) {
      let advice = "; start learner and parameter server from the same configuration"
      return refuse(.mismatch, MessageType.join.rawValue, problem + advice, peer, sink)
    }
    guard admits(join.token, .join, peer, sink) else { return }
    // A connection is one process, and one process is one learner.
    for (id, member) in members where member.peer == peer && id != join.id { members[id] = nil }
    if members[join.id] == nil {
      guard members.count < Limits.members else {
        return refuse(
          .busy, MessageType.join.rawValue, "\(Limits.members) learners are the most", peer, sink)
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
  }

  private mutating func change(
    _ change: Change, from peer: PeerID, now: Instant, sink: some PublishingSink
  ) {
    let type = MessageType.change.rawValue
    guard var member = members[change.id], member.peer == peer else {
      return refuse(
        .unknownPeer, type, "join over this connection first", peer, sink, reference: change.sequence)
    }
    member.lastHeard = now
    members[change.id] = member
    guard change.values.count == state.values.count * 4 else {
      counters.changesRefused += 1
      let text = "values: expected \(state.values.count * 4) bytes, found \(change.values.count)"
      return refuse(.mismatch, type, text, peer, sink, reference: change.sequence)
    }
    guard change.sequence > member.accepted else { return counters.changesRepeated += 1 }
    guard change.updates > 0, change.updates < 1 << 32, Self.isSound(change.values) else {
      counters.changesRefused += 1
      let text =
        "expected values within ±\(Self.valueMax) and at least 1 update; a diverged learner's change is not merged"
      return refuse(.invalid, type, text, peer, sink, reference: change.sequence)
    }
    member.accepted = change.sequence
    member.recentUpdates = change.updates
    member.contributedToRound = true
    members[change.id] = member
    let merged = Merged(learner: member.name, sequence: change.sequence)
    contributions.append(Contribution(id: change.id, merged: merged))
    let weight = weight(of: change)
    round.add(change.values, weight: weight)
    round.note(updates: change.updates, weight: weight, oldest: change.oldestUpdate, newest: change.newestUpdate)
    counters.changesMerged += 1
    if roundOpenedAt == nil { roundOpenedAt = now }
    if let closes = roundClosesAt, now >= closes { closeRound(now: now, sink: sink) }
  }

  /// Only the connection that joined as a learner can say that it leaves.
  private mutating func goodbye(_ id: Identifier, from peer: PeerID) {
    guard let member = members[id] else { return }
    guard member.peer == peer else { return counters.impostorsRefused += 1 }
    members[id] = nil
  }

  /// In rounds u itself (the sum is divided by Σu); asynchronously the share of the active members' recent updates.
  private func weight(of change: Change) -> Float {
    switch configuration.mode {
    case .rounds: return Float(change.updates)
    case .asynchronous:
      let total = members.values.reduce(0) { $0 + $1.recentUpdates }
      return Float(Double(change.updates) / Double(max(1, total)))
    }
  }

  /// When the open round ends: `publishEvery` after the last publication, and, while learners that are active have not
  /// contributed, at most half of that after the first change.
  var roundClosesAt: Instant? {
    guard let opened = roundOpenedAt, !round.isEmpty else { return nil }
    let earliest = lastPublished + configuration.publishEvery
    guard configuration.mode == .rounds,
      members.values.contains(where: { !$0.contributedToRound && $0.recentUpdates > 0 })
    else { return earliest }
    return max(earliest, opened + Instant.Span(nanoseconds: configuration.publishEvery.nanoseconds / 2))
  }

  private mutating func closeRound(now: Instant, sink: some PublishingSink) {
    lastOldest = round.oldestUpdate
    lastNewest = round.newestUpdate
    state.updates += round.updates
    let scale = configuration.mode == .rounds ? Float(1 / round.weight) : 1
    let clock = state.clock + round.clockSum / (configuration.mode == .rounds ? round.weight : 1)
    round.apply(to: &state.values, scale: scale)
    state.version += 1
    passMilestone(clock: clock)
    for change in contributions {
      members[change.id]?.contributedToRound = false
      remember(change.merged)
    }
    contributions.removeAll(keepingCapacity: true)
    roundOpenedAt = nil
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

  /// The newest `Limits.members` learners' last changes. Those of members are never forgotten,
  /// however many others come and go.
  private mutating func remember(_ change: Merged) {
    state.merged.removeAll { $0.learner == change.learner }
    state.merged.append(change)
    guard state.merged.count > Limits.members else { return }
    let present = Set(members.values.map(\.name))
    state.merged.remove(at: state.merged.firstIndex { !present.contains($0.learner) } ?? 0)
  }

  /// Keeps the weights if their clock passes a multiple.
  private mutating func passMilestone(clock: Double) {
    defer { state.clock = clock }
    guard let every = configuration.milestoneEvery.map({ Double($0) }),
      (clock / every).rounded(.down) > (state.clock / every).rounded(.down)
    else { return }
    state.milestone = Milestone(version: state.version, clock: clock, values: state.values)
  }

  /// The newest milestone, as a publication of its own.
  mutating func publishMilestone(topic: String, sink: some PublishingSink) {
    guard let milestone = state.milestone else { return }
    counters.publications += 1
    milestone.values.withUnsafeBytes { values in
      Weights(
        topic: topic, version: milestone.version, incarnation: incarnation, updates: state.updates,
        clock: milestone.clock, milestone: milestone.version, oldestUpdate: 0, newestUpdate: 0,
        merged: [], manifest: state.manifest, values: values
      ).encode(into: scratch)
    }
    sink.publish(scratch.bytes)
  }

  mutating func publish(topic: String, sink: some PublishingSink) {
    counters.publications += 1
    state.values.withUnsafeBytes { values in
      Weights(
        topic: topic, version: state.version, incarnation: incarnation, updates: state.updates,
        clock: state.clock, milestone: state.milestone?.version ?? 0, oldestUpdate: lastOldest, newestUpdate: lastNewest, merged: state.merged, manifest: state.manifest,
        values: values
      ).encode(into: scratch)
    }
    sink.publish(scratch.bytes)
  }

  /// Weighted sums of a round stay finite below this.
  private static var valueMax: Float { 1e18 }

  /// No element is NaN, infinite or so large that θ could become so.
  private static func isSound(_ values: UnsafeRawBufferPointer) -> Bool {
    var wrong = 0
    for index in 0..<values.count / 4 {
      let value = values.loadUnaligned(fromByteOffset: index * 4, as: Float.self)
      wrong |= abs(value) <= valueMax ? 0 : 1
    }
    return wrong == 0
  }
}
