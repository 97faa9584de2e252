// The network of a stochastic policy and a state value.

internal import Experience
public import Numerics

/// A policy π and a state value V as two heads over one trunk, and the distribution that the
/// policy's outputs describe.
public struct PolicyNetwork: Hashable, Sendable {
  /// The index of the policy's head.
  static let policyHead = 0
  /// The index of the value's head, which has one output.
  static let valueHead = 1

  /// The layers. The heads' tensors are named `policy` and `value`.
  public let spec: NetworkSpec
  /// What the policy's outputs describe.
  public let distribution: ActionDistribution

  /// - Parameter trunk: its heads are replaced.
  public init(trunk: NetworkSpec, distribution: ActionDistribution) {
    var spec = trunk
    spec.heads = [
      NetworkSpec.Head(name: "policy", outputs: distribution.outputs),
      NetworkSpec.Head(name: "value", outputs: 1),
    ]
    self.spec = spec
    self.distribution = distribution
  }
}
