// Tracks which evaluations a client of the parameter server already has.

internal import Experience
public import Wire

/// Returns each evaluation once, in order, from answers of the parameter server, across its
/// restarts.
///
/// Evaluations are numbered within an incarnation of the server, which request and answer both
/// name. Answers may overlap (if two requests were under way) or come late.
public struct StatusFollower: Sendable {
  private var incarnation: Identifier?
  private var evaluationsKnown: UInt64 = 0

  public init() {}

  /// The next request.
  public func question(counters: [String]?) -> StatusRequest {
    StatusRequest(incarnation: incarnation, evaluationsKnown: evaluationsKnown, counters: counters)
  }

  /// The evaluations of an answer that earlier answers did not have.
  public mutating func newEvaluations(in status: Status) -> [Evaluation] {
    if status.incarnation != incarnation {
      // A restarted server numbers evaluations from 0.
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
