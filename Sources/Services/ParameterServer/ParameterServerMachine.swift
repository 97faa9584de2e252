// The parameter server's logic, without sockets or clock.

public import Experience
public import Foundations
public import Wire

/// Dispatches messages to the authority on weights and to the board of reports and evaluations, and
/// checks that the sender may send them.
public struct ParameterServerMachine<Store: ParameterStore> {
  /// Messages that were refused or dropped.
  public struct Counters: Sendable {
    /// Messages that could not be decoded.
    public var malformed: UInt64 = 0
    /// Joins, reports and evaluations without the run's token.
    public var strangersRefused: UInt64 = 0
    /// Reports and goodbyes with the id of a learner that joined over another connection.
    public var impostorsRefused: UInt64 = 0
    /// Requests beyond a connection's budget.
    public var requestsDropped: UInt64 = 0
  }

  /// Fixed for the incarnation.
  public let configuration: ParameterServerConfiguration
  /// Merges deltas and publishes weights.
  public private(set) var authority: WeightsAuthority<Store>
  /// Reports and evaluations.
  public private(set) var board = RunBoard()
  /// Counts since the start of this incarnation.
  public private(set) var counters = Counters()
  private var budget = RequestBudget()
  private let startedAt: Instant
  private let scratch = FrameWriter(capacity: 1 << 16)

  /// - Parameter state: the initial weights, or those that the store saved.
  public init(
    configuration: ParameterServerConfiguration, incarnation: Identifier, state: ParameterState,
    store: Store, now: Instant
  ) {
    self.configuration = configuration
    authority = WeightsAuthority(
      configuration: configuration, incarnation: incarnation, state: state, store: store, now: now)
    startedAt = now
  }

  /// The random id of this start of the server.
  public var incarnation: Identifier { authority.incarnation }

  /// The run's status, with the evaluations from number `evaluationsKnown` on.
  func status(evaluationsKnown: UInt64, now: Instant) -> Status {
    board.status(summary, evaluationsKnown: evaluationsKnown, now: now)
  }

  private var summary: WeightsSummary {
    WeightsSummary(
      incarnation: incarnation, version: authority.state.version, updates: authority.state.updates,
      learners: authority.members.count, saveProblem: authority.saveProblem)
  }
}

extension ParameterServerMachine {
  /// Handles a message; answers and publications go to `sink`. A malformed message is counted and
  /// refused.
  public mutating func receive(
    _ frame: UnsafeRawBufferPointer, from peer: PeerID, now: Instant, sink: some PublishingSink
  ) {
    var cursor = FrameCursor(frame)
    var type: MessageType?
    do throws(WireError) {
      let opened = try cursor.openMessage()
      type = opened
      // Deltas and gradients need no budget: a learner has one under way, and those from other
      // connections are refused before their values are read. The status of all processes is the
      // most expensive answer.
      let cost = opened == .statusRequest ? 2 : 1
      guard opened == .delta || opened == .gradient || budget.spend(peer, cost: cost, now: now) else {
        return counters.requestsDropped += 1
      }
      let refusal = try process(opened, &cursor, from: peer, now: now, sink: sink)
      if let refusal { answer(refusal, peer, sink) }
    } catch {
      counters.malformed += 1
      guard type != nil || budget.spend(peer, now: now) else { return counters.requestsDropped += 1 }
      let code = error.unknownType == nil ? RefusalCode.malformed : .unsupported
      answer(
        Refusal(
          code: code, type: type?.rawValue ?? error.unknownType ?? 0, reference: 0, text: error.description),
        peer, sink)
    }
  }

  /// Handles a subscription as XPUB reports it: a new subscriber may ask for the current weights.
  public mutating func subscribed(_ notice: UnsafeRawBufferPointer, sink: some PublishingSink) {
    authority.subscribed(notice, sink: sink)
  }

  /// Records the server's own counters like any other process's.
  public mutating func report(_ telemetry: Telemetry, now: Instant) {
    board.record(telemetry, from: nil, now: now)
  }

  /// Removes silent processes and learners, closes a due round and publishes due weights.
  public mutating func advance(to now: Instant, sink: some PublishingSink) {
    board.forget(silentFor: configuration.processGoneAfter, now: now)
    authority.advance(to: now, sink: sink)
  }

  /// Saves what is not saved yet, at an orderly end.
  public mutating func finish(now: Instant) { authority.saveAtEnd(now: now) }

  /// When to call `advance` next.
  public func nextDeadline(now: Instant) -> Instant { authority.nextDeadline(now: now) }
}

extension ParameterServerMachine {
  /// Handles a message of a type; returns a refusal if it is not accepted.
  private mutating func process(
    _ type: MessageType, _ cursor: inout FrameCursor, from peer: PeerID, now: Instant,
    sink: some PublishingSink
  ) throws(WireError) -> Refusal? {
    switch type {
    case .join: return join(try Join(from: &cursor), from: peer, now: now, sink: sink)
    case .delta: return authority.accept(.delta(try Delta(from: &cursor)), from: peer, now: now, sink: sink)
    case .gradient:
      return authority.accept(.gradient(try Gradient(from: &cursor)), from: peer, now: now, sink: sink)
    case .goodbye:
      let id = try Goodbye(from: &cursor).id
      if !authority.goodbye(id, from: peer) { counters.impostorsRefused += 1 }
    case .telemetry: return try telemetry(&cursor, from: peer, now: now)
    case .evaluation:
      let report = try EvaluationReport(from: &cursor)
      if let refusal = admit(report.token, type) { return refusal }
      board.append(report.evaluation)
    case .statusRequest:
      answer(board.answer(try StatusRequest(from: &cursor), summary, now: now), peer, sink)
    case .healthRequest:
      try cursor.close()
      answer(summary.health(uptime: now - startedAt), peer, sink)
    default:
      return Refusal(
        code: .unsupported, type: type.rawValue, reference: 0,
        text: "the parameter server does not take messages of type \(type.rawValue); check the address")
    }
    return nil
  }

  private mutating func join(
    _ join: Join, from peer: PeerID, now: Instant, sink: some PublishingSink
  ) -> Refusal? {
    if let refusal = authority.mismatch(of: join) ?? admit(join.token, .join) { return refusal }
    return authority.join(join, from: peer, now: now, sink: sink)
  }

  private mutating func telemetry(
    _ cursor: inout FrameCursor, from peer: PeerID, now: Instant
  ) throws(WireError) -> Refusal? {
    let type = MessageType.telemetry
    var head = cursor
    let (id, token) = try Telemetry.sender(from: &head)
    if let refusal = admit(token, type) { return refusal }
    guard authority.hear(id, from: peer, now: now) else {
      counters.impostorsRefused += 1
      return Refusal(
        code: .unknownPeer, type: type.rawValue, reference: 0, text: "join over this connection first")
    }
    let telemetry = try Telemetry(from: &cursor)
    // Publications disclose the server's id, so anyone can report under it: refuse that.
    if id == incarnation {
      counters.impostorsRefused += 1
    } else if board.record(telemetry, from: peer, now: now), telemetry.service == ServiceKind.actor.rawValue,
      let envSteps = telemetry.counters[Metric.env_steps_total.rawValue]
    {
      authority.record(envSteps: envSteps, of: telemetry.id.publicName)
    }
    return nil
  }

  /// A refusal if the run has a token and the sender's differs, else nil.
  private mutating func admit(_ token: Identifier?, _ type: MessageType) -> Refusal? {
    guard let expected = configuration.token, token != expected else { return nil }
    counters.strangersRefused += 1
    let found = token == nil ? "none" : "another one"
    return Refusal(
      code: .invalid, type: type.rawValue, reference: 0,
      text:
        "expected this run's token, found \(found); send what `rookery env` prints as ROOKERY_RUN_TOKEN")
  }

  private func answer(_ message: some ValueMessage, _ peer: PeerID, _ sink: some PublishingSink) {
    message.encode(into: scratch)
    sink.send(scratch.bytes, to: peer)
  }
}
