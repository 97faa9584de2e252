// A distribution over discrete actions.

internal import Foundations
internal import Glibc

/// The softmax of one number for each action, its logit: π(a) = exp(x_a) / Σ exp(x_i).
///
/// All methods read one row of `count` logits, and none allocates memory. O(count).
public struct Categorical: Hashable, Sendable {
  /// The number of actions.
  public let count: Int

  public init(count: Int) {
    self.count = count
  }

  /// log Σ exp(x_i), without overflow.
  @inline(__always)
  private func logSum(_ logits: UnsafePointer<Float>) -> Float {
    let largest = logits[indexOfLargest(logits, count: count)]
    var sum: Float = 0
    for index in 0..<count { sum += expf(logits[index] - largest) }
    return largest + logf(sum)
  }

  /// log π(a).
  func logProbability(_ logits: UnsafePointer<Float>, of action: Int) -> Float {
    logits[action] - logSum(logits)
  }

  /// H = −Σ π(i)·log π(i), in nats.
  func entropy(_ logits: UnsafePointer<Float>) -> Float {
    let logSum = logSum(logits)
    var entropy: Float = 0
    for index in 0..<count {
      let log = logits[index] - logSum
      // The limit for a probability of 0, whose logarithm may be −∞.
      if log > -100 { entropy -= expf(log) * log }
    }
    return entropy
  }

  /// Draws an action with a number of [0, 1).
  func action(_ logits: UnsafePointer<Float>, drawn number: Float) -> Int {
    let logSum = logSum(logits)
    var left = number
    for index in 0..<count - 1 {
      left -= expf(logits[index] - logSum)
      if left < 0 { return index }
    }
    // Rounding may leave a rest that belongs to no action; one without probability is not drawn.
    return logits[count - 1] - logSum > -100 ? count - 1 : mode(logits)
  }

  /// The likeliest action; the first of several.
  func mode(_ logits: UnsafePointer<Float>) -> Int { indexOfLargest(logits, count: count) }

  /// The gradient of −advantage · log π(a) − entropyCost · H in the logits:
  /// advantage · (π(i) − [i = a]) + entropyCost · π(i)·(log π(i) + H).
  func writeLossGradient(
    _ logits: UnsafePointer<Float>, of action: Int, advantage: Float, entropyCost: Float,
    to gradient: UnsafeMutablePointer<Float>
  ) {
    let logSum = logSum(logits)
    let entropy = entropyCost == 0 ? 0 : entropy(logits)
    for index in 0..<count {
      let log = logits[index] - logSum
      let probability = expf(log)
      gradient[index] = advantage * probability
      if entropyCost != 0, log > -100 { gradient[index] += entropyCost * probability * (log + entropy) }
    }
    gradient[action] -= advantage
  }
}
