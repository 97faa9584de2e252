// Imports and exports of deep Q-learning: parameters, gradients and state.

internal import Numerics

extension DQNRule {
  /// Exports the online network's parameters.
  public func exportParameters(to destination: UnsafeMutableBufferPointer<Float>) {
    online.exportParameters(to: destination)
  }

  /// Imports the online network's parameters.
  public func importParameters(from source: UnsafeBufferPointer<Float>) {
    online.importParameters(from: source)
  }

  /// Exports the gradients before clipping.
  public func exportGradients(to destination: UnsafeMutableBufferPointer<Float>) {
    online.exportValues(UnsafeBufferPointer(online.gradients), to: destination)
  }

  /// Copies the parameters into the target network.
  public func adoptMilestone(_ parameters: UnsafeBufferPointer<Float>) {
    target.importParameters(from: parameters)
    forgetPrepared()
  }

  private static let target = "target"
  private var stepCount: String { optimizer.optimizer.name + "_step" }
  /// The names in `state`, which are those in checkpoint files.
  public var stateNames: RuleStateNames {
    RuleStateNames(
      vectors: [Self.target], optimizerVectors: optimizer.optimizer.vectorNames, counters: [stepCount])
  }

  /// The optimizer's vectors and steps, and the target network.
  public var state: RuleState {
    var state = RuleState(counters: [stepCount: optimizer.stepCount])
    for (name, values) in optimizer.vectors {
      state.vectors[name] = vector { online.exportValues(UnsafeBufferPointer(values), to: $0) }
    }
    state.vectors[Self.target] = vector { target.exportParameters(to: $0) }
    return state
  }

  /// Loads the vectors and counters that `state` has.
  public func restore(_ state: RuleState) {
    for (name, values) in optimizer.vectors {
      state.vectors[name]?.withUnsafeBufferPointer { online.importValues(from: $0, into: values) }
    }
    state.vectors[Self.target]?.withUnsafeBufferPointer { target.importParameters(from: $0) }
    forgetPrepared()
    optimizer.stepCount = state.counters[stepCount] ?? 0
  }

  private func vector(_ body: (UnsafeMutableBufferPointer<Float>) -> Void) -> [Float] {
    [Float](unsafeUninitializedCapacity: parameterCount) { buffer, count in
      body(UnsafeMutableBufferPointer(rebasing: buffer[..<parameterCount]))
      count = parameterCount
    }
  }
}
