// Acts by action values Q.

public import Foundations
public import Numerics

/// An ε-greedy policy over a Q-network. It ranks transitions by their TD error (Horgan et al.
/// 2018, §3).
public final class QPolicy: Policy {
  /// The Q-network's layers.
  public let spec: NetworkSpec
  /// The largest number of rows of a call.
  public let batchMax: Int
  private let network: Network

  /// - Throws: `NetworkSpecError` if the layers do not fit each other.
  public init(spec: NetworkSpec, batchMax: Int) throws(NetworkSpecError) {
    self.spec = spec
    self.batchMax = batchMax
    network = try Network(spec: spec, batchMax: batchMax)
  }

  /// Elements of the flat parameters.
  public var parameterCount: Int { network.parameterCount }
  /// |δ| + ε.
  public var firstPriority: TransitionPriority? { TransitionPriority() }

  /// Loads the network's parameters, in PyTorch's order and layout.
  public func importParameters(from source: UnsafeBufferPointer<Float>) {
    network.importParameters(from: source)
  }

  /// Acts ε-greedily; ties go to the first action. `rows` gets Q of the chosen action as its action
  /// value, and the largest Q as the state value.
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
