// Exploration rates that differ between environments.

internal import Glibc

/// ε_i = base^(1 + α·i / (N − 1)) for environment i of N (Horgan et al. 2018, §4.1): most act
/// almost greedily, a few explore. A single environment has ε = base.
///
/// *Differs from the source:* i counts an actor's environments; in the source, it counts actors.
public struct ExplorationLadder: Sendable, Hashable {
  /// The largest ε, 0…1.
  public var base: Float
  /// The exponent's growth: the smallest ε is base^(1 + α).
  public var alpha: Float

  public init(base: Float = 0.4, alpha: Float = 7) {
    self.base = base
    self.alpha = alpha
  }

  /// ε of environment `index` of `count`.
  public func epsilon(index: Int, count: Int) -> Float {
    precondition(index >= 0 && index < count, "environment \(index) of \(count)")
    guard count > 1 else { return base }
    return Float(pow(Double(base), 1 + Double(alpha) * Double(index) / Double(count - 1)))
  }
}
