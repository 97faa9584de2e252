// Which confirmations are accepted.

import Configuration
import Experience
import Foundations
import Testing
import Wire

@testable import Services

@Suite struct SolvedCriterionTests {
  private func confirmation(
    _ mean: Double, episodes: Int = 100, least: Double = 0, greatest: Double = 500, isSolved: Bool = true
  ) -> Evaluation {
    Evaluation(
      kind: .confirmation, version: 1, updates: 1, episodes: episodes, meanReturn: mean, minReturn: least,
      maxReturn: greatest, isSolved: isSolved)
  }

  private func progress(_ evaluation: Evaluation, threshold: Double? = 450) -> RunProgress {
    var progress = RunProgress(
      startedAt: .at(0), criterion: SolvedCriterion(threshold: threshold, episodes: 100))
    progress.record(
      Status(
        incarnation: Fixtures.id(1), version: 1, updates: 1, processes: [], firstEvaluation: 0,
        evaluations: [evaluation]), now: .at(1))
    return progress
  }

  @Test func aConfirmationThatMeetsItCounts() {
    let progress = progress(confirmation(450))
    #expect(progress.confirmed != nil && progress.contradiction == nil)
  }

  /// Without `confirm_threshold`, confirmations use the evaluation's threshold.
  @Test func theConfirmationsThreshold() {
    var evaluator = EvaluatorConfiguration()
    #expect(SolvedCriterion(evaluator).threshold == nil && SolvedCriterion(evaluator).episodes == 100)
    evaluator.confirmThreshold = 450
    #expect(SolvedCriterion(evaluator).threshold == nil, "no evaluation calls for one")
    evaluator.threshold = 475
    #expect(SolvedCriterion(evaluator).threshold == 450)
    evaluator.confirmThreshold = nil
    evaluator.confirmEpisodes = 7
    #expect(SolvedCriterion(evaluator) == SolvedCriterion(threshold: 475, episodes: 7))
    #expect(progress(confirmation(474), threshold: SolvedCriterion(evaluator).threshold).confirmed == nil)
    #expect(progress(confirmation(475), threshold: SolvedCriterion(evaluator).threshold).confirmed != nil)
  }

  @Test func whatDoesNotMeetItDoesNot() {
    let wrong: [(Evaluation, Double?, String)] = [
      (confirmation(449.9), 450, "expected a mean return of at least 450.0, found 449.9"),
      (confirmation(.nan), 450, "expected a mean return of at least 450.0, found nan"),
      (confirmation(.infinity), 450, "expected a mean return of at least 450.0, found inf"),
      (confirmation(500, episodes: 99), 450, "expected 100 confirming episodes, found 99"),
      (confirmation(500), nil, "this run has no evaluator.threshold"),
      (
        confirmation(500, greatest: 499), 450,
        "expected a mean return between the least and the greatest, found 0.0, 500.0 and 499.0"
      ),
    ]
    for (evaluation, threshold, text) in wrong {
      let progress = progress(evaluation, threshold: threshold)
      #expect(progress.confirmed == nil && progress.contradiction == text)
    }
    let modest = progress(confirmation(500, isSolved: false))
    #expect(modest.confirmed == nil && modest.contradiction == nil)
  }
}
