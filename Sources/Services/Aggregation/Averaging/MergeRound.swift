// How the deltas of several learners make one.

internal import Numerics

/// The sum of one round's deltas, weighted by their transitions. Adding one costs O(parameters).
struct MergeRound {
  private let sum: FlatSum
  private(set) var weight = 0.0
  private(set) var updates: UInt64 = 0
  /// Σ w·u over the round's deltas, not yet divided by the weights.
  private(set) var clockSum = 0.0
  private(set) var oldestUpdate: Int64 = 0
  private(set) var newestUpdate: Int64 = 0
  /// One of the deltas replaces weights that diverged.
  var restores = false

  init(count: Int) {
    sum = FlatSum(count: count)
  }

  /// Adds `u` · Δ, where Δ is float32, little-endian. False if one of its values is NaN, or beyond
  /// the limit; then nothing was added.
  mutating func add(_ values: UnsafeRawBufferPointer, weight u: Float, limit: Float) -> Bool {
    guard sum.add(values, weight: u, limit: limit) else { return false }
    weight += Double(u)
    return true
  }

  mutating func record(updates: UInt64, weight: Float, oldest: Int64, newest: Int64) {
    self.updates += updates
    clockSum += Double(weight) * Double(updates)
    oldestUpdate = oldestUpdate == 0 ? oldest : min(oldestUpdate, oldest)
    newestUpdate = max(newestUpdate, newest)
  }

  /// θ += sum · scale, and empties the round.
  mutating func apply(to values: inout [Float], scale: Float) {
    values.withUnsafeMutableBufferPointer { sum.addScaled(to: $0, by: scale) }
    clear()
  }

  /// Δ = sum · scale; v ← μ·v + Δ; θ += lr · (Δ + μ·v); and empties the round.
  mutating func apply(
    to values: inout [Float], velocity: inout [Float], scale: Float, learningRate: Float, momentum: Float
  ) {
    let sum = sum.values
    values.withUnsafeMutableBufferPointer { values in
      velocity.withUnsafeMutableBufferPointer { velocity in
        for index in 0..<values.count {
          let delta = sum[index] * scale
          let moved = momentum * velocity[index] + delta
          velocity[index] = moved
          values[index] += learningRate * (delta + momentum * moved)
        }
      }
    }
    clear()
  }

  private mutating func clear() {
    sum.clear()
    weight = 0
    updates = 0
    clockSum = 0
    oldestUpdate = 0
    newestUpdate = 0
    restores = false
  }
}
