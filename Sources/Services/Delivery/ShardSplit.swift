// How a batch is split over shards.

internal import Foundations

/// What a shard's part of a batch follows.
public enum ShardSplit: Sendable {
  /// Its mass, Σ p^α or the number of items: what one table of all items would draw, in distribution.
  case mass
  /// Its items: where the mass is none that can be added, as with ranks.
  case items
  /// Nothing, all alike: of queues and heaps, which do not draw at random.
  case turns

  func weight(mass: Double, items: UInt64) -> Double {
    switch self {
    case .mass: mass
    case .items: Double(items)
    case .turns: 1
    }
  }

  /// Whether P(i) is a probability, to be multiplied by that of the shard.
  var isRandom: Bool { if case .turns = self { false } else { true } }

  /// Rows for each part, `rows` in all, by systematic sampling: a part of the fraction f gets ⌊f·rows⌋ or ⌈f·rows⌉ rows, on average
  /// f·rows (Madow 1949). O(parts).
  ///
  /// - Parameters:
  ///   - fractions: not negative, with the sum 1.
  ///   - start: uniform on [0, 1).
  static func counts(of rows: Int, fractions: [Double], start: Double) -> [Int] {
    // The points start, start + 1, … on a line of `rows`: each part gets those in its piece.
    var end = 0.0
    var before = 0
    var counts = fractions.map { fraction in
      end += fraction * Double(rows)
      let points = min(rows, max(before, Int((end - start).rounded(.up))))
      defer { before = points }
      return points - before
    }
    // What rounding has left over belongs to the last part that has any.
    if before < rows, let last = fractions.lastIndex(where: { $0 > 0 }) { counts[last] += rows - before }
    return counts
  }

  /// Each weight's part of all; alike if there is no weight at all.
  static func fractions(_ weights: [Double]) -> [Double] {
    let sum = weights.reduce(0, +)
    guard sum > 0, sum.isFinite else { return weights.map { _ in 1 / Double(weights.count) } }
    return weights.map { $0 / sum }
  }
}
