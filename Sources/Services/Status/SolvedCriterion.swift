// The criterion of a solved run.

public import Configuration
public import Wire

/// The condition that a confirming evaluation must meet. `RunProgress` checks it, because
/// evaluations come from another process.
public struct SolvedCriterion: Hashable, Sendable {
  /// The least mean return of the confirming episodes; with nil, no evaluation meets the criterion.
  public var threshold: Double?
  /// The least number of confirming episodes.
  public var episodes: Int

  public init(threshold: Double?, episodes: Int) {
    self.threshold = threshold
    self.episodes = episodes
  }

  /// The evaluator's own criterion.
  public init(_ evaluator: EvaluatorConfiguration) {
    let threshold = evaluator.threshold == nil ? nil : evaluator.confirmThreshold ?? evaluator.threshold
    self.init(threshold: threshold, episodes: evaluator.confirmEpisodes)
  }

  /// Why an evaluation that claims to confirm the criterion does not, or nil if it does.
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
