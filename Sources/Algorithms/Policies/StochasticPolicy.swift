// Acts by a distribution over actions.

public import Experience
public import Foundations
public import Numerics

/// Draws actions from the distribution that a network's policy head describes, and records their
/// log-probabilities. Greedy, it takes the likeliest action.
public final class StochasticPolicy: Policy {
  /// The field of log π(a | s) at the time of acting: μ of off-policy corrections.
  public static let logProbability = Field("log_probability", .float32)

  /// The largest number of rows of a call.
  public let batchMax: Int
  private let network: Network
  private let distribution: ActionDistribution

  /// - Throws: `NetworkSpecError` if the layers do not fit each other.
  public init(_ network: PolicyNetwork, batchMax: Int) throws(NetworkSpecError) {
    self.batchMax = batchMax
    distribution = network.distribution
    self.network = try Network(spec: network.spec, batchMax: batchMax)
  }

  /// Elements of the flat parameters.
  public var parameterCount: Int { network.parameterCount }
  /// It knows no errors; tables give new items their largest priority.
  public var firstPriority: TransitionPriority? { nil }

  /// Loads the network's parameters, in PyTorch's order and layout.
  public func importParameters(from source: UnsafeBufferPointer<Float>) {
    network.importParameters(from: source)
  }

  /// Draws an action for each row; ε of `exploration` is not used. `rows` gets V(s) as state and as
  /// action value, and the recorded log-probability.
  public func act(
    observations: UnsafeRawPointer, count: Int, exploration: UnsafePointer<Float>?,
    generator: inout SeededGenerator, rows: PolicyRows
  ) {
    let outputs = network.forward(observations, count: count)
    let values = network.outputs(head: PolicyNetwork.valueHead)
    let actionBytes = distribution.field.byteCount
    let recorded = rows.recorded.first?.assumingMemoryBound(to: Float.self)
    for row in 0..<count {
      let logProbability = distribution.act(
        outputs + row * distribution.outputs, to: rows.actions + row * actionBytes, drawing: &generator,
        isGreedy: exploration == nil)
      recorded?[row] = logProbability
      rows.stateValues[row] = values[row]
      rows.actionValues[row] = values[row]
    }
  }
}
