// The parameter server, without sockets or clock.

public import Experience
public import Foundations
public import Wire

/// Two things behind one socket, kept apart: the authority on weights, and the board on which
/// processes report and evaluations are kept. Who may say what to either is decided here.
public struct ParameterServerMachine<Store: ParameterStore> {
  public struct Counters: Sendable {
    public var malformed: UInt64 = 0
    /// Joins, reports and evaluations without the run's token.
    public var strangersRefused: UInt64 = 0
    /// Reports and goodbyes in the name of a learner that joined over another connection.
    public var impostorsRefused: UInt64 = 0
    /// Requests beyond what a connection may send.
    public var requestsDropped: UInt64 = 0
  }

  public let configuration: ParameterServerConfiguration
  public private(set) var authority: WeightsAuthority<Store>
  public private(set) var board = RunBoard()
  public private(set) var counters = Counters()
  private var budget = RequestBudget()
  private let startedAt: Instant
  private let scratch = FrameWriter(capacity: 1 << 16)

  /// - Parameter state: the initial weights, or what the store kept.
  public init(
    configuration: ParameterServerConfiguration, incarnation: Identifier, state: ParameterState,
    store: Store, now: Instant
  ) {
    self.configuration = configuration
    authority = WeightsAuthority(
      configuration: configuration, incarnation: incarnation, state: state, store: store, now: now)
    startedAt = now
  }

  public var incarnation: Identifier { authority.incarnation }

  /// The run now, with the evaluations from a number on.
  func status(evaluationsKnown: UInt64, now: Instant) -> Status {
    board.status(standing, evaluationsKnown: evaluationsKnown, now: now)
  }

  private var standing: WeightsStanding {
    WeightsStanding(
      incarnation: incarnation, version: authority.state.version, updates: authority.state.updates,
      learners: authority.members.count, saveProblem: authority.saveProblem)
  }
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
      // A learner has one delta under way, and only learners' are looked into.
      // The status of all processes is the dearest answer.
      let cost = opened == .statusRequest ? 2 : 1
      guard opened == .delta || budget.take(peer, cost: cost, now: now) else {
        return counters.requestsDropped += 1
      }
      let refusal = try take(opened, &cursor, from: peer, now: now, sink: sink)
      if let refusal { answer(refusal, peer, sink) }
    } catch {
      counters.malformed += 1
      guard type != nil || budget.take(peer, now: now) else { return counters.requestsDropped += 1 }
      let code = error.unknownType == nil ? RefusalCode.malformed : .unsupported
      answer(
        Refusal(
          code: code, type: type?.rawValue ?? error.unknownType ?? 0, reference: 0, text: error.description),
        peer, sink)
    }
  }

  /// Newcomers to the weights, as XPUB reports their subscriptions.
  public mutating func subscribed(_ notice: UnsafeRawBufferPointer, sink: some PublishingSink) {
    authority.subscribed(notice, sink: sink)
  }

  /// The server's own counters, reported like any other process's.
  public mutating func report(_ telemetry: Telemetry, now: Instant) {
    board.take(telemetry, from: nil, now: now)
  }

  public mutating func advance(to now: Instant, sink: some PublishingSink) {
    board.forget(silentFor: configuration.processGoneAfter, now: now)
    authority.advance(to: now, sink: sink)
  }

  public func nextDeadline(now: Instant) -> Instant { authority.nextDeadline(now: now) }
}

extension ParameterServerMachine {
  /// Takes or answers a message, or says why not.
  private mutating func take(
    _ type: MessageType, _ cursor: inout FrameCursor, from peer: PeerID, now: Instant,
    sink: some PublishingSink
  ) throws(WireError) -> Refusal? {
    switch type {
    case .join: return join(try Join(from: &cursor), from: peer, now: now, sink: sink)
    case .delta: return authority.take(try Delta(from: &cursor), from: peer, now: now, sink: sink)
    case .goodbye:
      let id = try Goodbye(from: &cursor).id
      if !authority.goodbye(id, from: peer) { counters.impostorsRefused += 1 }
    case .telemetry: return try telemetry(&cursor, from: peer, now: now)
    case .evaluation:
      let report = try EvaluationReport(from: &cursor)
      if let refusal = admit(report.token, type) { return refusal }
      board.append(report.evaluation)
    case .statusRequest:
      answer(board.answer(try StatusRequest(from: &cursor), standing, now: now), peer, sink)
    case .healthRequest:
      try cursor.close()
      answer(standing.health(uptime: now - startedAt), peer, sink)
    default:
      return Refusal(
        code: .unsupported, type: type.rawValue, reference: 0,
        text: "the parameter server does not take messages of type \(type)")
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
    // Publications say the server's own.
    if id == incarnation {
      counters.impostorsRefused += 1
    } else {
      board.take(telemetry, from: peer, now: now)
    }
    return nil
  }

  /// A refusal for who does not know the run's token, if there is one.
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
