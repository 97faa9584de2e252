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

  /// False if one of its values is NaN, or beyond the limit; then nothing was added.
  mutating func add(_ gradient: Gradient, limit: Float) -> Bool {
    let isFirst = sum.isEmpty
    let largest = isFirst ? gradient.weightMax : max(weightMax, gradient.weightMax)
    let factor = Float(Double(gradient.rows) * (gradient.weightMax / largest))
    if largest > weightMax, !isFirst {
      // The sum stays relative to the largest weight, so that no factor is above its rows.
      guard Finite.firstException(gradient.values, limit: limit) == nil else { return false }
      sum.scale(by: Float(weightMax / largest))
    }
    guard sum.add(gradient.values, weight: factor, limit: limit) else { return false }
    if isFirst { (rows, oldest, newest) = (0, gradient.madeAt, gradient.madeAt) }
    weightMax = largest
    rows += Double(gradient.rows)
    oldest = min(oldest, gradient.madeAt)
    newest = max(newest, gradient.madeAt)
    return true
  }

  /// The gradient times the rows; it is in the sum's memory, and valid until the next change.
  var values: UnsafeBufferPointer<Float> { UnsafeBufferPointer(sum.values) }
  /// What the values are to be multiplied by.
  var scale: Float { Float(1 / rows) }

  mutating func clear() { sum.clear() }
}
