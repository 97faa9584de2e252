// What the parameter server tells of the run.

internal import Experience
public import Foundations
public import Wire

extension ParameterServerMachine {
  /// Whether who sends this knows the run's token, if there is one.
  mutating func admits(
    _ token: Identifier?, _ type: MessageType, _ peer: PeerID, _ sink: some PublishingSink
  ) -> Bool {
    guard let expected = configuration.token, token != expected else { return true }
    counters.strangersRefused += 1
    let found = token == nil ? "none" : "another one"
    refuse(
      .invalid, type.rawValue,
      "expected this run's token, found \(found); send what `rookery env` prints as ROOKERY_RUN_TOKEN", peer,
      sink)
    return false
  }

  mutating func telemetry(
    _ cursor: inout FrameCursor, from peer: PeerID, now: Instant, sink: some PublishingSink
  ) throws(WireError) {
    let type = MessageType.telemetry
    var head = cursor
    let (id, token) = try Telemetry.sender(from: &head)
    guard admits(token, type, peer, sink) else { return }
    if let member = members[id] {
      guard member.peer == peer else {
        counters.impostorsRefused += 1
        return refuse(.unknownPeer, type.rawValue, "join over this connection first", peer, sink)
      }
      // A learner that waits for experience has no change to send, but it is there.
      members[id]?.lastHeard = now
    }
    let telemetry = try Telemetry(from: &cursor)
    // Publications say the server's own.
    guard id != incarnation else { return counters.impostorsRefused += 1 }
    if !board.take(telemetry, from: peer, now: now) { counters.reportsDropped += 1 }
  }

  mutating func evaluation(
    _ report: EvaluationReport, from peer: PeerID, sink: some PublishingSink
  ) {
    if admits(report.token, .evaluation, peer, sink) { board.append(report.evaluation) }
  }

  mutating func status(
    _ request: StatusRequest, to peer: PeerID, now: Instant, sink: some PublishingSink
  ) {
    let isOfThisLife = request.life == nil || request.life == incarnation
    status(
      evaluationsKnown: isOfThisLife ? request.evaluationsKnown : 0, counters: request.counters,
      bytesMax: Limits.statusBytes, now: now
    ).encode(into: scratch)
    sink.send(scratch.bytes, to: peer)
  }

  /// Evaluations so far, those that are no longer kept included.
  var evaluationCount: UInt64 { board.evaluationCount }

  /// The run now, with the evaluations from a number on.
  func status(
    evaluationsKnown: UInt64, counters: [String]? = nil, bytesMax: Int = .max, now: Instant
  ) -> Status {
    let (processes, leftOut) = board.processes(counters: counters, bytesMax: bytesMax, now: now)
    let (first, evaluations) = board.evaluations(
      from: evaluationsKnown, count: Limits.evaluationsPerStatus)
    return Status(
      life: incarnation, version: state.version, updates: state.updates, processes: processes,
      processesLeftOut: leftOut, firstEvaluation: first, evaluations: evaluations)
  }

  mutating func health(to peer: PeerID, now: Instant, sink: some PublishingSink) {
    Health(
      service: "parameters", isHealthy: saveProblem == nil,
      text: saveProblem ?? "version \(state.version), \(members.count) learners",
      uptime_s: (now - startedAt).seconds
    ).encode(into: scratch)
    sink.send(scratch.bytes, to: peer)
  }

  mutating func refuse(
    _ code: RefusalCode, _ type: UInt8, _ text: String, _ peer: PeerID, _ sink: some PublishingSink,
    reference: UInt64 = 0
  ) {
    Refusal(code: code, type: type, reference: reference, text: text).encode(into: scratch)
    sink.send(scratch.bytes, to: peer)
  }

  /// The server's own counters, reported like any other process's.
  public mutating func report(_ telemetry: Telemetry, now: Instant) {
    if !board.take(telemetry, from: nil, now: now) { counters.reportsDropped += 1 }
  }
}
