// The sum of a dueling head, forward and backward.

/// Q = V + A − mean A (Wang et al. 2016, equation 9). V `[batch, 1]`, A and Q `[batch, actions]`.
struct Dueling {
  let actions: Int

  func forward(
    value: UnsafePointer<Float>, advantage: UnsafePointer<Float>, output: UnsafeMutablePointer<Float>,
    count: Int
  ) {
    for row in 0..<count {
      let a = advantage + row * actions
      var sum: Float = 0
      for action in 0..<actions { sum += a[action] }
      let base = value[row] - sum / Float(actions)
      for action in 0..<actions { output[row * actions + action] = base + a[action] }
    }
  }

  /// ∂V = Σ over actions of g, ∂A = g − mean g.
  func backward(
    outputGradient: UnsafePointer<Float>, valueGradient: UnsafeMutablePointer<Float>,
    advantageGradient: UnsafeMutablePointer<Float>, count: Int
  ) {
    for row in 0..<count {
      let g = outputGradient + row * actions
      var sum: Float = 0
      for action in 0..<actions { sum += g[action] }
      valueGradient[row] = sum
      let mean = sum / Float(actions)
      for action in 0..<actions { advantageGradient[row * actions + action] = g[action] - mean }
    }
  }
}
