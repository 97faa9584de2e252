// How much each actor explores.

internal import Glibc

/// ε_i = base^(1 + α·i / (N − 1)) for actor i of N (Horgan et al. 2018, §4.1): many actors nearly greedy, a few curious.
/// A lone actor has ε = base.
public struct ExplorationLadder: Sendable, Hashable {
  public var base: Float
  public var alpha: Float

  public init(base: Float = 0.4, alpha: Float = 7) {
    self.base = base
    self.alpha = alpha
  }

  /// ε of actor `index` of `count`.
  public func epsilon(index: Int, count: Int) -> Float {
    precondition(index >= 0 && index < count, "actor \(index) of \(count)")
    guard count > 1 else { return base }
    return Float(pow(Double(base), 1 + Double(alpha) * Double(index) / Double(count - 1)))
  }
}
