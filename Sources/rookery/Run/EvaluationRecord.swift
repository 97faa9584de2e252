// A line of evaluations.jsonl.

internal import Wire

/// An evaluation with its time.
struct EvaluationRecord: Codable {
  /// Since the start of the run, over all sessions.
  var seconds: Double
  /// Actions of all actors up to then; nil in lines of early versions.
  var envSteps: Double?
  var kind: String
  var version: UInt64
  var updates: UInt64
  var episodes: Int
  var meanReturn: Double
  var minReturn: Double
  var maxReturn: Double

  static let regular = "regular"

  init(_ evaluation: Evaluation, seconds: Double, envSteps: Double) {
    self.seconds = seconds
    self.envSteps = envSteps
    kind =
      switch evaluation.kind {
      case .regular: Self.regular
      case .confirmation: "confirmation"
      }
    version = evaluation.version
    updates = evaluation.updates
    episodes = evaluation.episodes
    meanReturn = evaluation.meanReturn
    minReturn = evaluation.minReturn
    maxReturn = evaluation.maxReturn
  }

  /// The evaluation as the evaluator sent it, but never solved: that is not recorded.
  var evaluation: Evaluation {
    Evaluation(
      kind: kind == Self.regular ? .regular : .confirmation, version: version, updates: updates,
      episodes: episodes, meanReturn: meanReturn, minReturn: minReturn, maxReturn: maxReturn, isSolved: false)
  }
}
