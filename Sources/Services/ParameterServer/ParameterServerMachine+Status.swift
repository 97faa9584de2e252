// What the parameter server tells of the run.

internal import Experience
public import Foundations
public import Wire

extension ParameterServerMachine {
  mutating func telemetry(_ telemetry: Telemetry, now: Instant) {
    guard processes[telemetry.id] != nil || processes.count < Limits.processes else { return }
    processes[telemetry.id] = (telemetry, now)
    // A learner that waits for experience has no change to send, but it is there.
    members[telemetry.id]?.lastHeard = now
  }

  mutating func evaluation(_ evaluation: Evaluation) {
    evaluations.append(evaluation)
    if evaluations.count > Limits.evaluations {
      evaluations.removeFirst()
      firstEvaluation += 1
    }
  }

  mutating func status(
    _ request: StatusRequest, to peer: PeerID, now: Instant, sink: inout some PublishingSink
  ) {
    status(evaluationsKnown: request.evaluationsKnown, now: now).encode(into: scratch)
    sink.send(scratch.bytes, to: peer)
  }

  /// Evaluations so far, those that are no longer kept included.
  var evaluationCount: UInt64 { firstEvaluation + UInt64(evaluations.count) }

  /// The run now, with the evaluations from a number on.
  func status(evaluationsKnown: UInt64, now: Instant) -> Status {
    let total = evaluationCount
    // A number from another life of the server: start over, with the oldest that is kept.
    let known = evaluationsKnown > total ? firstEvaluation : max(evaluationsKnown, firstEvaluation)
    return Status(
      version: state.version, updates: state.updates,
      processes: processes.values.sorted { $0.telemetry.label < $1.telemetry.label }.map {
        ProcessStatus(telemetry: $0.telemetry, age_s: (now - $0.at).seconds)
      },
      firstEvaluation: known, evaluations: Array(evaluations.dropFirst(Int(known - firstEvaluation))))
  }

  mutating func health(to peer: PeerID, now: Instant, sink: inout some PublishingSink) {
    Health(
      service: "parameters", isHealthy: saveProblem == nil,
      text: saveProblem ?? "version \(state.version), \(members.count) learners",
      uptime_s: (now - startedAt).seconds
    ).encode(into: scratch)
    sink.send(scratch.bytes, to: peer)
  }

  mutating func refuse(
    _ code: RefusalCode, _ type: UInt8, _ text: String, _ peer: PeerID, _ sink: inout some PublishingSink,
    reference: UInt64 = 0
  ) {
    Refusal(code: code, type: type, reference: reference, text: text).encode(into: scratch)
    sink.send(scratch.bytes, to: peer)
  }

  /// The server's own counters, reported like any other process's.
  public mutating func report(_ telemetry: Telemetry, now: Instant) {
    self.telemetry(telemetry, now: now)
  }
}
