// A line of evaluations.jsonl.

internal import Wire

struct EvaluationRecord: Codable {
  var seconds: Double
  /// Actions taken by all actors until then; nil in lines from before it was kept.
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

  /// As the evaluator sent it; whether it was solved is not kept.
  var evaluation: Evaluation {
    Evaluation(
      kind: kind == Self.regular ? .regular : .confirmation, version: version, updates: updates,
      episodes: episodes, meanReturn: meanReturn, minReturn: minReturn, maxReturn: maxReturn, isSolved: false)
  }
}
