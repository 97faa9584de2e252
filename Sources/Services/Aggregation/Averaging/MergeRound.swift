// How the deltas of several learners make one.

/// The sum of one round's deltas, weighted by their transitions. Adding one costs O(parameters).
struct MergeRound {
  private(set) var sum: [Float]
  private(set) var weight = 0.0
  private(set) var updates: UInt64 = 0
  /// Σ w·u over the round's deltas, not yet divided by the weights.
  private(set) var clockSum = 0.0
  private(set) var oldestUpdate: Int64 = 0
  private(set) var newestUpdate: Int64 = 0
  /// One of the deltas replaces weights that diverged.
  var restores = false

  init(count: Int) {
    sum = Array(repeating: 0, count: count)
  }

  /// Adds `u` · Δ, where Δ is float32, little-endian.
  mutating func add(_ values: UnsafeRawBufferPointer, weight u: Float) {
    sum.withUnsafeMutableBufferPointer { sum in
      for index in 0..<sum.count {
        sum[index] += u * values.loadUnaligned(fromByteOffset: index * 4, as: Float.self)
      }
    }
    weight += Double(u)
  }

  mutating func record(updates: UInt64, weight: Float, oldest: Int64, newest: Int64) {
    self.updates += updates
    clockSum += Double(weight) * Double(updates)
    oldestUpdate = oldestUpdate == 0 ? oldest : min(oldestUpdate, oldest)
    newestUpdate = max(newestUpdate, newest)
  }

  /// θ += sum · scale, and empties the round.
  mutating func apply(to values: inout [Float], scale: Float) {
    values.withUnsafeMutableBufferPointer { values in
      sum.withUnsafeMutableBufferPointer { sum in
        for index in 0..<values.count {
          values[index] += sum[index] * scale
          sum[index] = 0
        }
      }
    }
    clear()
  }

  /// Δ = sum · scale; v ← μ·v + Δ; θ += lr · (Δ + μ·v); and empties the round.
  mutating func apply(
    to values: inout [Float], velocity: inout [Float], scale: Float, learningRate: Float, momentum: Float
  ) {
    values.withUnsafeMutableBufferPointer { values in
      velocity.withUnsafeMutableBufferPointer { velocity in
        sum.withUnsafeMutableBufferPointer { sum in
          for index in 0..<values.count {
            let delta = sum[index] * scale
            let moved = momentum * velocity[index] + delta
            velocity[index] = moved
            values[index] += learningRate * (delta + momentum * moved)
            sum[index] = 0
          }
        }
      }
    }
    clear()
  }

  private mutating func clear() {
    weight = 0
    updates = 0
    clockSum = 0
    oldestUpdate = 0
    newestUpdate = 0
    restores = false
  }
}
