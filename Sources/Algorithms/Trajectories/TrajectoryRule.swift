// The part of a learning rule that all algorithms over trajectories share.

internal import Experience
internal import Foundations
internal import Numerics

/// A rule that learns a policy and a value from trajectories. It says how advantages and targets
/// are estimated; the rest is here.
protocol TrajectoryRule: LearningRule {
  /// The network and the memory of a batch.
  var core: TrajectoryNetwork { get }
  /// Writes advantages and targets of all trajectories, after `TrajectoryNetwork.evaluate`.
  func estimate(_ batch: TrajectoryBatch)
  /// Notes the metrics of a batch that was trained on, whose loss and gradient are finite.
  func record(_ losses: TrajectoryNetwork.Losses, _ batch: TrajectoryBatch)
}

extension TrajectoryRule {
  public var manifest: WeightsManifest {
    // The network was made of this specification.
    guard let manifest = try? core.spec.manifest() else { preconditionFailure("no manifest") }
    return manifest
  }

  /// The step size and the weight of the entropy.
  public static var scheduledDescriptions: [(name: String, help: String)] {
    [
      (name: "learning_rate", help: "The optimizer's step size."),
      (name: "entropy_cost", help: "The weight of the policy's entropy in the loss."),
    ]
  }
  public var scheduled: [Double] {
    [core.settings.descent.learningRate.value(at: clock), core.settings.entropyCost.value(at: clock)]
  }

  public func exportParameters(to destination: UnsafeMutableBufferPointer<Float>) {
    core.network.exportParameters(to: destination)
  }

  public func importParameters(from source: UnsafeBufferPointer<Float>) {
    core.network.importParameters(from: source)
  }

  /// No row gets a priority.
  public func computeGradients(
    _ batch: ColumnBatch, priorities: UnsafeMutableBufferPointer<Float>
  ) throws(BatchError) -> TrainingOutcome {
    let batch = try trajectories(of: batch)
    guard priorities.count >= batch.count else {
      throw .priorityBuffer(priorities.count, rows: batch.count)
    }
    for row in 0..<batch.count { priorities[row] = .nan }
    core.evaluate(batch)
    estimate(batch)
    let entropyCost = Float(core.settings.entropyCost.value(at: clock))
    guard let losses = core.differentiate(batch, entropyCost: entropyCost) else { return .notFinite }
    record(losses, batch)
    return .trained
  }

  private func trajectories(of batch: ColumnBatch) throws(BatchError) -> TrajectoryBatch {
    try TrajectoryBatch(
      batch, settings: core.settings, spec: core.spec, distribution: core.distribution,
      batchMax: batchMax)
  }

  public func applyGradients() {
    core.step(learningRate: core.settings.descent.learningRate.value(at: clock))
  }

  /// Exports the gradients before clipping.
  public func exportGradients(to destination: UnsafeMutableBufferPointer<Float>) {
    core.network.exportValues(UnsafeBufferPointer(core.network.gradients), to: destination)
  }

  public func importGradients(from source: UnsafeBufferPointer<Float>) -> Float {
    core.network.importValues(from: source, into: core.network.gradients)
    core.measureGradient()
    return core.gradientNorm
  }

  public func markRowsAtFault(
    _ batch: ColumnBatch, priorities: UnsafeMutableBufferPointer<Float>
  ) throws(BatchError) {
    _ = try trajectories(of: batch)
    for row in 0..<batch.count {
      let priority = UnsafeMutableBufferPointer(rebasing: priorities[row..<row + 1])
      if try computeGradients(batch.row(row), priorities: priority) == .notFinite {
        priority[0] = .infinity
      }
    }
  }

  /// There is no target network.
  public func adoptMilestone(_ parameters: UnsafeBufferPointer<Float>) {}

  private var stepCount: String { core.optimizer.optimizer.name + "_step" }

  /// The names in `state`, which are those in checkpoint files.
  public var stateNames: RuleStateNames {
    RuleStateNames(optimizerVectors: core.optimizer.optimizer.vectorNames, counters: [stepCount])
  }

  /// The optimizer's vectors and steps.
  public var state: RuleState {
    var state = RuleState(counters: [stepCount: core.optimizer.stepCount])
    for (name, values) in core.optimizer.vectors {
      state.vectors[name] = [Float](unsafeUninitializedCapacity: parameterCount) { buffer, count in
        let exact = UnsafeMutableBufferPointer(rebasing: buffer[..<parameterCount])
        core.network.exportValues(UnsafeBufferPointer(values), to: exact)
        count = parameterCount
      }
    }
    return state
  }

  public func restore(_ state: RuleState) {
    for (name, values) in core.optimizer.vectors {
      state.vectors[name]?.withUnsafeBufferPointer { core.network.importValues(from: $0, into: values) }
    }
    core.optimizer.stepCount = state.counters[stepCount] ?? 0
  }
}
