// What goes in and out of deep Q-learning: parameters, gradients, and its state.

internal import Numerics

extension DQNRule {
  public func exportParameters(to destination: UnsafeMutableBufferPointer<Float>) {
    online.exportParameters(to: destination)
  }

  public func importParameters(from source: UnsafeBufferPointer<Float>) {
    online.importParameters(from: source)
  }

  /// Not clipped.
  public func exportGradients(to destination: UnsafeMutableBufferPointer<Float>) {
    online.exportValues(UnsafeBufferPointer(online.gradients), to: destination)
  }

  /// The hard target network becomes a copy of them.
  public func reachMilestone(_ parameters: UnsafeBufferPointer<Float>) {
    target.importParameters(from: parameters)
  }

  private static let adamStep = "adam_step"
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
