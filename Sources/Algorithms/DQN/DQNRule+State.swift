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
  }

  private static let adamStep = "adam_step"
  /// The names in `state`, which are those in checkpoint files.
  public static let stateNames = (vectors: ["adam.m", "adam.v", "target"], counters: [adamStep])

  /// Adam's moments and step, and the target network.
  public var state: RuleState {
    RuleState(
      vectors: [
        "adam.m": vector { online.exportValues(UnsafeBufferPointer(optimizer.firstMoment), to: $0) },
        "adam.v": vector { online.exportValues(UnsafeBufferPointer(optimizer.secondMoment), to: $0) },
        "target": vector { target.exportParameters(to: $0) },
      ], counters: [Self.adamStep: optimizer.stepCount])
  }

  /// Loads the vectors and counters that `state` has.
  public func restore(_ state: RuleState) {
    func load(_ name: String, _ body: (UnsafeBufferPointer<Float>) -> Void) {
      state.vectors[name]?.withUnsafeBufferPointer(body)
    }
    load("adam.m") { online.importValues(from: $0, into: optimizer.firstMoment) }
    load("adam.v") { online.importValues(from: $0, into: optimizer.secondMoment) }
    load("target") { target.importParameters(from: $0) }
    optimizer.stepCount = state.counters[Self.adamStep] ?? 0
  }

  private func vector(_ body: (UnsafeMutableBufferPointer<Float>) -> Void) -> [Float] {
    [Float](unsafeUninitializedCapacity: parameterCount) { buffer, count in
      body(UnsafeMutableBufferPointer(rebasing: buffer[..<parameterCount]))
      count = parameterCount
    }
  }
}
