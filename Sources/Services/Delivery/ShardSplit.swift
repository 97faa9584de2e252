// How a batch is split over shards.

internal import Foundations

/// What the fraction of a batch that a shard serves is proportional to.
public enum ShardSplit: Sendable {
  /// The shard's mass, Σ p^α or the number of items: all shards draw as one table of all items
  /// would, in distribution.
  case mass
  /// The shard's items: for samplers whose masses cannot be added, as with ranks.
  case items
  /// Equal for all shards: for queues and heaps, which do not draw at random.
  case turns

  func weight(mass: Double, items: UInt64) -> Double {
    switch self {
    case .mass: mass
    case .items: Double(items)
    case .turns: 1
    }
  }

  /// Whether P(i) is a probability, to be multiplied by the shard's.
  var isRandom: Bool { if case .turns = self { false } else { true } }

  /// Rows for each part, `rows` in all, by systematic sampling: a part of the fraction f gets
  /// ⌊f·rows⌋ or ⌈f·rows⌉ rows, on average f·rows (Madow 1949). O(parts).
  ///
  /// - Parameters:
  ///   - fractions: not negative, with the sum 1.
  ///   - start: uniform on [0, 1).
  static func counts(of rows: Int, fractions: [Double], start: Double) -> [Int] {
    // The points start, start + 1, … lie on a line of length `rows`; each part gets those in its
    // piece.
    var end = 0.0
    var before = 0
    var counts = fractions.map { fraction in
      end += fraction * Double(rows)
      let points = min(rows, max(before, Int((end - start).rounded(.up))))
      defer { before = points }
      return points - before
    }
    // Points that rounding left over go to the last part that has any.
    if before < rows, let last = fractions.lastIndex(where: { $0 > 0 }) { counts[last] += rows - before }
    return counts
  }

  /// The fractions of the weights in their sum; equal if the sum is 0.
  static func fractions(_ weights: [Double]) -> [Double] {
    let sum = weights.reduce(0, +)
    guard sum > 0, sum.isFinite else { return weights.map { _ in 1 / Double(weights.count) } }
    return weights.map { $0 / sum }
  }
}
