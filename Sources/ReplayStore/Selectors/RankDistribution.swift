// The weight of each rank.

internal import Glibc

/// Weights w(r) = 1 / r^α of ranks r = 1, 2, …, their sums, and the rank of a sum. All in float64,
/// without a table of the capacity's size. (Schaul et al. 2016, §3.3.)
///
/// Ranks up to `exactUntil` are summed. A higher rank weighs ∫ x^−α dx over r ± ½, which differs
/// from r^−α by a fraction of α(α+1) / 24r²: below 10⁻⁶ for α ≤ 1. Draws and the reported
/// probabilities use the same weights.
struct RankDistribution {
  let exponent: Double
  /// Σ of the first n weights, n = 0 … exactUntil.
  private let sums: [Double]
  /// Σ of the weights after the first n up to exactUntil, so that small sums keep their precision.
  private let tails: [Double]
  /// The integral's lower bound exactUntil + ½, and its power 1 − α.
  private let start: Double
  private let startPower: Double

  static let exactUntil = 256

  init(exponent: Double) {
    self.exponent = exponent
    var sums = [0.0]
    for rank in 1...Self.exactUntil { sums.append(sums[rank - 1] + pow(Double(rank), -exponent)) }
    self.sums = sums
    var tails = [Double](repeating: 0, count: Self.exactUntil + 1)
    for rank in (1...Self.exactUntil).reversed() {
      tails[rank - 1] = tails[rank] + pow(Double(rank), -exponent)
    }
    self.tails = tails
    start = Double(Self.exactUntil) + 0.5
    startPower = pow(start, 1 - exponent)
  }

  /// Σ of the first `count` weights.
  func sum(_ count: Int) -> Double {
    count <= Self.exactUntil
      ? sums[count]
      : sums[Self.exactUntil] + integral(from: start, power: startPower, to: Double(count) + 0.5)
  }

  /// Σ of the weights of the `count` ranks after the first `before`. Its relative error is small,
  /// however small the sum.
  func sum(after before: Int, count: Int) -> Double {
    let end = before + count
    if end <= Self.exactUntil { return tails[before] - tails[end] }
    if before < Self.exactUntil {
      return tails[before] + integral(from: start, power: startPower, to: Double(end) + 0.5)
    }
    // These ranks' weights hardly differ: the middle rank stands for all.
    if count << 10 < before { return Double(count) * pow(Double(before) + Double(count + 1) / 2, -exponent) }
    let first = Double(before) + 0.5
    return integral(from: first, power: pow(first, 1 - exponent), to: Double(end) + 0.5)
  }

  /// ∫ x^−α dx from a to b; `power` is a^(1 − α).
  private func integral(from a: Double, power: Double, to b: Double) -> Double {
    let logarithm = log(b / a)
    let slope = 1 - exponent
    return slope == 0 ? logarithm : power * expm1(slope * logarithm) / slope
  }

  /// The rank r ≤ `count` with sum(r − 1) ≤ target < sum(r).
  func rank(at target: Double, count: Int) -> Int {
    let most = min(count, Self.exactUntil)
    if target < sums[most] || count == most {
      // The first n with sums[n] > target.
      var low = 1
      var high = most
      while low < high {
        let middle = (low + high) / 2
        if sums[middle] > target { high = middle } else { low = middle + 1 }
      }
      return low
    }
    let slope = 1 - exponent
    let rest = target - sums[Self.exactUntil]
    let logarithm = slope == 0 ? rest : log1p(rest * slope / startPower) / slope
    let rank = start * exp(logarithm) + 0.5
    // NaN, or too large, only if rounding lost what is left of the sum.
    return rank < Double(count) ? max(Int(rank), Self.exactUntil + 1) : count
  }
}
