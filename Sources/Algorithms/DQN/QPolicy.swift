// Acts by action values.

public import Foundations
public import Numerics

/// An ε-greedy policy over a Q-network, for actors and evaluators: inference only, one call a batch of environments.
///
/// Not `Sendable`: one thread owns it.
public final class QPolicy {
  public let spec: NetworkSpec
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

  /// Loads parameters in PyTorch's layout.
  public func importParameters(from source: UnsafeBufferPointer<Float>) {
    network.importParameters(from: source)
  }

  /// Seeded parameters, until the first weights arrive.
  public func initialize(using generator: inout SeededGenerator) {
    network.initialize(using: &generator)
  }

  /// Chooses an action for each observation. The first of equally good actions is the greedy one.
  ///
  /// - Parameters:
  ///   - observations: `[count] + inputShape`, of the network's input type.
  ///   - epsilons: `[count]`, the probability of a uniform action; nil is greedy, and draws nothing.
  ///   - actions: `[count]`, written.
  ///   - qSelected: `[count]`, Q of the action chosen.
  ///   - qMax: `[count]`, the largest Q: the bootstrap value of a row.
  public func act(
    observations: UnsafeRawPointer, count: Int, epsilons: UnsafePointer<Float>?,
    generator: inout SeededGenerator, actions: UnsafeMutablePointer<Int32>,
    qSelected: UnsafeMutablePointer<Float>, qMax: UnsafeMutablePointer<Float>
  ) {
    let q = network.forward(observations, count: count)
    for row in 0..<count {
      let values = q + row * spec.outputs
      let greedy = indexOfLargest(values, count: spec.outputs)
      var action = greedy
      if let epsilons, generator.uniformFloat() < epsilons[row] { action = generator.below(spec.outputs) }
      actions[row] = Int32(truncatingIfNeeded: action)
      qSelected[row] = values[action]
      qMax[row] = values[greedy]
    }
  }
}
