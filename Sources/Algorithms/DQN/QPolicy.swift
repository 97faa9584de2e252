// Acts by action values.

public import Foundations
public import Numerics

/// An ε-greedy policy over a Q-network. It ranks transitions by their TD error (Horgan et al.
/// 2018, §3).
public final class QPolicy: Policy {
  public let spec: NetworkSpec
  public let batchMax: Int
  private let network: Network

  /// - Throws: `NetworkSpecError` if the layers do not fit each other.
  public init(spec: NetworkSpec, batchMax: Int) throws(NetworkSpecError) {
    self.spec = spec
    self.batchMax = batchMax
    network = try Network(spec: spec, batchMax: batchMax)
  }

  public var parameterCount: Int { network.parameterCount }
  public var firstPriority: TransitionPriority? { TransitionPriority() }

  public func importParameters(from source: UnsafeBufferPointer<Float>) {
    network.importParameters(from: source)
  }

  /// The first of equally good actions is the greedy one. Values: Q of the action chosen, and the
  /// largest Q.
  public func act(
    observations: UnsafeRawPointer, count: Int, exploration: UnsafePointer<Float>?,
    generator: inout SeededGenerator, rows: PolicyRows
  ) {
    let q = network.forward(observations, count: count)
    let actions = rows.actions.assumingMemoryBound(to: Int32.self)
    for row in 0..<count {
      let values = q + row * spec.outputs
      let greedy = indexOfLargest(values, count: spec.outputs)
      var action = greedy
      if let exploration, generator.uniformFloat() < exploration[row] {
        action = generator.below(spec.outputs)
      }
      actions[row] = Int32(truncatingIfNeeded: action)
      rows.actionValues[row] = values[action]
      rows.stateValues[row] = values[greedy]
    }
  }
}
