// Corrects for sampling by priority.

internal import Glibc

/// w_i = (N·P(i))^−β, divided by the largest of the batch (Schaul et al. 2016, §3.4), with β rising linearly.
///
/// N cancels in the division, so w_i = (P(i) / min P)^−β.
public struct ImportanceWeights: Sendable, Hashable {
  /// β at first, 0 (no correction) to 1 (full).
  public var betaStart: Float
  public var betaEnd: Float
  /// Training steps from `betaStart` to `betaEnd`; 0 is `betaEnd` at once.
  public var annealingSteps: Int

  public init(betaStart: Float = 0.4, betaEnd: Float = 1, annealingSteps: Int = 100_000) {
    self.betaStart = betaStart
    self.betaEnd = betaEnd
    self.annealingSteps = annealingSteps
  }

  /// β after so many training steps.
  public func beta(at step: Int) -> Float {
    guard annealingSteps > 0, step < annealingSteps else { return betaEnd }
    return betaStart + (betaEnd - betaStart) * Float(max(0, step)) / Float(annealingSteps)
  }

  /// Writes the weights `[count]` of a batch, each above 0 and the largest 1.
  /// - Throws: `InvalidProbability` if a probability is not above 0 and finite; nothing is written then.
  public static func compute(
    probabilities: UnsafeBufferPointer<Float>, beta: Float, into weights: UnsafeMutableBufferPointer<Float>
  ) throws(InvalidProbability) {
    precondition(weights.count >= probabilities.count, "sizes differ")
    var smallest = Float.infinity
    for (row, probability) in probabilities.enumerated() {
      guard probability > 0, probability.isFinite else {
        throw InvalidProbability(row: row, probability: probability)
      }
      smallest = min(smallest, probability)
    }
    for row in probabilities.indices { weights[row] = powf(probabilities[row] / smallest, -beta) }
  }
}

/// A sampling probability that no sample can have had.
public struct InvalidProbability: Error, Hashable, CustomStringConvertible {
  public var row: Int
  public var probability: Float

  public var description: String {
    "row \(row): expected a probability above 0, found \(probability)"
  }
}

/// P(i) = p_i^α / Σ p^α (Schaul et al. 2016, equation 1): what a proportional sampler draws, written plainly.
public func proportionalProbabilities(priorities: [Float], alpha: Float) -> [Float] {
  let masses = priorities.map { powf($0, alpha) }
  let total = masses.reduce(0, +)
  return masses.map { $0 / total }
}
