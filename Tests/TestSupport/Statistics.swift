// Statistics that tests compare with quantiles.

public enum Statistics {
  /// Pearson's χ² of counts against those expected: the same total, in given proportions.
  public static func chiSquared(observed: [Int], proportionalTo weights: [Int]) -> Double {
    precondition(observed.count == weights.count, "expected a weight for each count")
    let scale = Double(observed.reduce(0, +)) / Double(weights.reduce(0, +))
    return zip(observed, weights).reduce(0) { sum, pair in
      let expected = Double(pair.1) * scale
      return sum + (Double(pair.0) - expected) * (Double(pair.0) - expected) / expected
    }
  }
}
