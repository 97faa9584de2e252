// How a run ended.

internal import Console
internal import Experience
internal import Foundations
internal import Services
internal import Wire

/// The last object of `--json` and the contents of `summary.json`.
struct RunSummary: Codable {
  enum Outcome: String, Codable {
    case solved, finished, limitReached, interrupted, diverged, failed
  }

  var outcome: Outcome
  var solved: Bool
  /// Time to the confirmed criterion, or to the end, over all sessions.
  var seconds: Double
  var envSteps: Double
  var updates: Double
  /// Of the evaluation that met the criterion, or of the last one; nil if there was none.
  var meanReturn: Double?
  /// Of the fresh episodes that confirmed the criterion; nil if it was not confirmed.
  var confirmedReturn: Double?
  var learnerWaitingShare: Double
  var updateToActionP99_ms: Double
  var restarts: Int
  /// Lines and events that could not be written.
  var recordsLost: Int
  var directory: String
  var reason: String?

  init(
    _ outcome: Outcome, progress: RunProgress, ended: Instant, restarts: Int, recordsLost: Int,
    directory: String, reason: String?
  ) {
    self.outcome = outcome
    solved = outcome == .solved
    let confirmed = outcome == .solved ? progress.confirmed : nil
    seconds = confirmed?.seconds ?? (ended - progress.startedAt).seconds
    envSteps = progress.envSteps
    updates = progress.updates
    let version = confirmed?.evaluation.version
    meanReturn =
      progress.evaluations.last { version == nil || $0.evaluation.version == version }?.evaluation.meanReturn
    confirmedReturn = confirmed?.evaluation.meanReturn
    learnerWaitingShare = progress.mean(.learner, .waiting_share) ?? 0
    updateToActionP99_ms = progress.values(.actor, .update_to_action_p99_ms).max() ?? 0
    self.restarts = restarts
    self.recordsLost = recordsLost
    self.directory = directory
    self.reason = reason
  }

  /// Encodes every key, with null for missing values.
  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(outcome, forKey: .outcome)
    try container.encode(solved, forKey: .solved)
    try container.encode(seconds, forKey: .seconds)
    try container.encode(envSteps, forKey: .envSteps)
    try container.encode(updates, forKey: .updates)
    try container.encode(meanReturn, forKey: .meanReturn)
    try container.encode(confirmedReturn, forKey: .confirmedReturn)
    try container.encode(learnerWaitingShare, forKey: .learnerWaitingShare)
    try container.encode(updateToActionP99_ms, forKey: .updateToActionP99_ms)
    try container.encode(restarts, forKey: .restarts)
    try container.encode(recordsLost, forKey: .recordsLost)
    try container.encode(directory, forKey: .directory)
    try container.encode(reason, forKey: .reason)
  }

  /// The summary as text.
  var text: String {
    let head =
      switch outcome {
      case .solved: "solved in \(Format.number(seconds)) s"
      case .finished, .limitReached: "stopped after \(Format.number(seconds)) s"
      case .interrupted: "interrupted after \(Format.number(seconds)) s"
      case .diverged: "diverged after \(Format.number(seconds)) s"
      case .failed: "failed after \(Format.number(seconds)) s"
      }
    var lines = [head + (reason.map { ": \($0)" } ?? "")]
    if let meanReturn {
      let confirmed = confirmedReturn.map { ", confirmed by fresh episodes \(Format.number($0))" } ?? ""
      lines.append("  return     \(Format.number(meanReturn)) (greedy)\(confirmed)")
    }
    lines.append("  env steps  \(Format.count(envSteps))")
    lines.append("  updates    \(Format.count(updates))")
    if restarts > 0 { lines.append("  restarts   \(restarts)") }
    if recordsLost > 0 { lines.append("  not saved  \(recordsLost) lines and events (see above)") }
    lines.append("  folder     \(directory)")
    return lines.joined(separator: "\n")
  }
}
