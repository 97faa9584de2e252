// Which evaluations a follower of a run already has.

internal import Experience
public import Wire

/// Takes answers of the parameter server and gives each evaluation once, in order, also over restarts of the server.
///
/// Evaluations are numbered in a life of the server; the server's own telemetry tells its lives apart. Answers may overlap
/// (two questions were under way), come late, or answer a question that was asked of another life.
public struct StatusFollower: Sendable {
  /// What the next question should say.
  public private(set) var evaluationsKnown: UInt64 = 0
  private var life: Identifier?

  public init() {}

  /// The evaluations that are new.
  public mutating func take(_ status: Status) -> [Evaluation] {
    let server = status.processes.first { $0.telemetry.service == "parameters" }?.telemetry.id
    if let server, server != life {
      // It counts anew.
      life = server
      evaluationsKnown = 0
    }
    let count = UInt64(status.evaluations.count)
    if status.firstEvaluation > evaluationsKnown, count < Limits.evaluations {
      // An answer to a question that another life was asked; only a server that keeps its most may have forgotten some.
      return []
    }
    let skipped = evaluationsKnown - min(evaluationsKnown, status.firstEvaluation)
    guard skipped < count else { return [] }
    evaluationsKnown = status.firstEvaluation + count
    return Array(status.evaluations.dropFirst(Int(skipped)))
  }
}
