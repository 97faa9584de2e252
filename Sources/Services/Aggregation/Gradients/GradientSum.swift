// The gradients of one update.

internal import Numerics
internal import Wire

/// What one batch of all rows would have as its gradient: Σ Nⱼ·mⱼ·gⱼ / (max m · Σ Nⱼ), where gⱼ is
/// the mean over Nⱼ rows with importance weights that were divided by their largest, mⱼ. Adding one
/// costs O(parameters).
struct GradientSum {
  private let sum: FlatSum
  private var rows = 0.0
  private var weightMax = 0.0
  /// When the first and the last of them were computed, in nanoseconds.
  private(set) var oldest: Int64 = 0
  private(set) var newest: Int64 = 0

  init(count: Int) {
    sum = FlatSum(count: count)
  }

  mutating func add(_ gradient: Gradient) {
    if sum.isEmpty {
      (rows, weightMax, oldest, newest) = (0, gradient.weightMax, gradient.madeAt, gradient.madeAt)
    } else if gradient.weightMax > weightMax {
      // The sum stays relative to the largest weight, so that no factor is above its rows.
      sum.scale(by: Float(weightMax / gradient.weightMax))
      weightMax = gradient.weightMax
    }
    sum.add(gradient.values, weight: Float(Double(gradient.rows) * (gradient.weightMax / weightMax)))
    rows += Double(gradient.rows)
    oldest = min(oldest, gradient.madeAt)
    newest = max(newest, gradient.madeAt)
  }

  /// The gradient times the rows; it is in the sum's memory, and valid until the next change.
  var values: UnsafeBufferPointer<Float> { UnsafeBufferPointer(sum.values) }
  /// What the values are to be multiplied by.
  var scale: Float { Float(1 / rows) }

  mutating func clear() { sum.clear() }
}
