// When a run is solved.

public import Configuration
public import Wire

/// What a confirmation must show. Whoever follows a run checks it: an evaluation comes from another
/// process.
public struct SolvedCriterion: Hashable, Sendable {
  /// Mean return of the confirming episodes; nil is never met.
  public var threshold: Double?
  /// How many of them there must be.
  public var episodes: Int

  public init(threshold: Double?, episodes: Int) {
    self.threshold = threshold
    self.episodes = episodes
  }

  /// As the evaluator decides it.
  public init(_ evaluator: EvaluatorConfiguration) {
    let threshold = evaluator.threshold == nil ? nil : evaluator.confirmThreshold ?? evaluator.threshold
    self.init(threshold: threshold, episodes: evaluator.confirmEpisodes)
  }

  /// What speaks against an evaluation that says that the criterion is confirmed, or nil.
  public func objection(to evaluation: Evaluation) -> String? {
    guard let threshold else { return "this run has no evaluator.threshold" }
    guard evaluation.episodes >= episodes else {
      return "expected \(episodes) confirming episodes, found \(evaluation.episodes)"
    }
    guard evaluation.meanReturn >= threshold, evaluation.meanReturn.isFinite else {
      return "expected a mean return of at least \(threshold), found \(evaluation.meanReturn)"
    }
    guard evaluation.minReturn <= evaluation.meanReturn, evaluation.meanReturn <= evaluation.maxReturn else {
      return
        "expected a mean return between the least and the greatest, found \(evaluation.minReturn), "
        + "\(evaluation.meanReturn) and \(evaluation.maxReturn)"
    }
    return nil
  }
}
