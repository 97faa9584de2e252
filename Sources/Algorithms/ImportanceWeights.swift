// Importance weights, which correct for sampling by priority.

internal import Glibc

/// w_i = (N·P(i))^−β divided by the batch's largest (Schaul et al. 2016, §3.4). β grows linearly.
///
/// N cancels in the division, so w_i = (P(i) / min P)^−β.
public struct ImportanceWeights: Sendable, Hashable {
  /// β at the start, from 0 (no correction) to 1 (full correction).
  public var betaStart: Float
  /// β after `annealingUpdates` updates, 0…1.
  public var betaEnd: Float
  /// Updates from `betaStart` to `betaEnd`; with 0, β is always `betaEnd`.
  public var annealingUpdates: Int

  public init(betaStart: Float = 0.4, betaEnd: Float = 1, annealingUpdates: Int = 100_000) {
    self.betaStart = betaStart
    self.betaEnd = betaEnd
    self.annealingUpdates = annealingUpdates
  }

  /// β after this many updates.
  public func beta(afterUpdates updates: Int) -> Float {
    guard annealingUpdates > 0, updates < annealingUpdates else { return betaEnd }
    return betaStart + (betaEnd - betaStart) * Float(max(0, updates)) / Float(annealingUpdates)
  }

  /// Writes the weights `[count]` of a batch: positive, the largest 1.
  /// - Returns: what they were divided by, without N: (min P)^−β, at least 1 and finite.
  /// - Throws: `InvalidProbability` if a probability is not positive and finite; then it writes
  ///   nothing.
  @discardableResult
  public static func compute(
    probabilities: UnsafeBufferPointer<Float>, beta: Float, into weights: UnsafeMutableBufferPointer<Float>
  ) throws(InvalidProbability) -> Float {
    precondition(weights.count >= probabilities.count, "sizes differ")
    var smallest = Float.infinity
    for (row, probability) in probabilities.enumerated() {
      guard probability > 0, probability.isFinite else {
        throw InvalidProbability(row: row, probability: probability)
      }
      smallest = min(smallest, probability)
    }
    for row in probabilities.indices { weights[row] = powf(probabilities[row] / smallest, -beta) }
    return min(powf(smallest, -beta), 1e30)
  }
}

/// A sampling probability that is not positive and finite.
public struct InvalidProbability: Error, Hashable, CustomStringConvertible {
  /// The batch's row.
  public var row: Int
  /// The probability found there.
  public var probability: Float

  public var description: String {
    "row \(row): expected a finite probability above 0, found \(probability)"
  }
}

/// P(i) = p_i^α / Σ p^α (Schaul et al. 2016, equation 1), the probabilities of a proportional
/// sampler.
public func proportionalProbabilities(priorities: [Float], alpha: Float) -> [Float] {
  let masses = priorities.map { powf($0, alpha) }
  let total = masses.reduce(0, +)
  return masses.map { $0 / total }
}
