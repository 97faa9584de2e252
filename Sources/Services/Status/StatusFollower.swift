// Which evaluations a follower of a run already has.

internal import Experience
public import Wire

/// Takes answers of the parameter server and gives each evaluation once, in order, also over restarts of the server.
///
/// Evaluations are numbered in an incarnation of the server, which question and answer both name. Answers
/// may overlap (two questions were under way) or come late.
public struct StatusFollower: Sendable {
  private var incarnation: Identifier?
  private var evaluationsKnown: UInt64 = 0

  public init() {}

  /// What to ask next.
  public func question(counters: [String]?) -> StatusRequest {
    StatusRequest(incarnation: incarnation, evaluationsKnown: evaluationsKnown, counters: counters)
  }

  /// The evaluations that are new.
  public mutating func take(_ status: Status) -> [Evaluation] {
    if status.incarnation != incarnation {
      // It counts anew.
      incarnation = status.incarnation
      evaluationsKnown = 0
    }
    let count = UInt64(status.evaluations.count)
    let skipped = evaluationsKnown - min(evaluationsKnown, status.firstEvaluation)
    guard skipped < count else { return [] }
    evaluationsKnown = status.firstEvaluation + count
    return Array(status.evaluations.dropFirst(Int(skipped)))
  }
}
