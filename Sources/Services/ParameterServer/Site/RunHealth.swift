// A run's health, `/healthz`.

internal import Experience
internal import FoundationEssentials
internal import Foundations
internal import Wire

/// The answer of `/healthz`: a sentence for each problem, and the state of each process.
struct RunHealth: Encodable {
  enum State: String, Encodable {
    case up
    /// The process has not reported for too long.
    case silent
    /// The loss became NaN or infinite.
    case diverged
    /// Inserts and samples both wait.
    case blocked
    /// The parameter server runs, but cannot save the weights.
    case failing
  }

  struct Process: Encodable {
    var process: String
    var service: String
    var id: String
    var state: State
    var age_s: Double
  }

  var healthy: Bool
  var problems: [String]
  var processes: [Process]

  /// Inserts and samples may both wait for a moment at the start; a longer time is a deadlock.
  private static let blockedMax_s = 10.0

  init(_ monitor: RunMonitor, now: Instant) {
    var problems: [String] = []
    processes = monitor.processes.map { meter in
      let age = (now - meter.lastHeard).seconds
      let (state, problem) = Self.state(meter, monitor, age_s: age, now: now)
      if let problem { problems.append("\(meter.telemetry.label): \(problem)") }
      return Process(
        process: meter.telemetry.label, service: meter.telemetry.service, id: meter.telemetry.id.description,
        state: state, age_s: (age * 1000).rounded() / 1000)
    }
    self.problems = problems
    healthy = problems.isEmpty
  }

  func json() throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted]
    return Array(try encoder.encode(self))
  }

  private static func state(
    _ meter: ProcessMeter, _ monitor: RunMonitor, age_s: Double, now: Instant
  ) -> (State, String?) {
    if monitor.isSilent(meter, now: now) {
      return (.silent, "silent for \(Int(age_s)) s; it has ended or hangs; see its log")
    }
    if meter.telemetry.kind == .parameters, let problem = monitor.saveProblem {
      return (.failing, "cannot save the weights: \(problem)")
    }
    if meter.value(.diverged) ?? 0 > 0 {
      return (
        .diverged, "diverged; restart it to resume from its last good checkpoint (`rookery restart learner`)"
      )
    }
    let blocked = min(meter.value(.inserts_blocked_s) ?? 0, meter.value(.samples_blocked_s) ?? 0)
    if blocked > blockedMax_s {
      return (
        .blocked,
        "inserts and samples both blocked for \(Int(min(blocked, 1e9))) s; see the tables' rate_limiter"
      )
    }
    return (.up, nil)
  }
}
