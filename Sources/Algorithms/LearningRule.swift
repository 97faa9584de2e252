// What an algorithm does with a batch.

public import Experience

/// Parameters, and how a batch changes them. Flat vectors that go in and out are in the order and
/// layout of the manifest. Not `Sendable`: one thread owns it.
public protocol LearningRule: AnyObject {
  var manifest: WeightsManifest { get }
  /// Rows that a batch may have at most.
  var batchMax: Int { get }
  /// The names of `metrics`, and what they mean in one sentence each.
  static var measured: [(name: String, help: String)] { get }
  /// What the last trained batch measured, before its update.
  var metrics: [Float] { get }

  func exportParameters(to destination: UnsafeMutableBufferPointer<Float>)
  /// Loads parameters; targets and optimizer stay as they are.
  func importParameters(from source: UnsafeBufferPointer<Float>)

  /// The gradients of a batch, to be applied here or sent to the owner of the optimizer.
  ///
  /// - Parameter priorities: `[count]` or more, receives each row's new priority; NaN leaves it as
  ///   it is. Not to be used if the outcome is `.notFinite`.
  /// - Throws: `BatchError` for columns that no environment of the run can have made; nothing has
  ///   changed then.
  func computeGradients(
    _ batch: ColumnBatch, priorities: UnsafeMutableBufferPointer<Float>
  ) throws(BatchError) -> TrainingOutcome
  /// Applies the gradients that are there.
  func applyGradients()
  /// Writes the gradients of the last `computeGradients`.
  func exportGradients(to destination: UnsafeMutableBufferPointer<Float>)
  /// Replaces the gradients (those of several learners, merged) for `applyGradients`.
  /// - Returns: Their global norm; if it is not finite, do not apply them.
  func importGradients(from source: UnsafeBufferPointer<Float>) -> Float

  /// After `.notFinite`: which rows are at fault, each tried by itself; their priority becomes
  /// infinite. As slow as a training step for each row, so not for every batch.
  func markRowsAtFault(
    _ batch: ColumnBatch, priorities: UnsafeMutableBufferPointer<Float>
  ) throws(BatchError)

  /// Published parameters that passed a multiple of `Algorithm.milestoneEvery` updates.
  func reachMilestone(_ parameters: UnsafeBufferPointer<Float>)

  /// What a checkpoint holds beside the parameters.
  var state: RuleState { get }
  /// The names in `state`.
  static var stateNames: (vectors: [String], counters: [String]) { get }
  /// Loads what `state` said.
  func restore(_ state: RuleState)
}

extension LearningRule {
  public var metricNames: [String] { Self.measured.map(\.name) }

  /// Elements of every flat vector.
  public var parameterCount: Int { manifest.elementCount }

  /// One training step. Nothing has changed unless the outcome is `.trained`.
  public func train(
    _ batch: ColumnBatch, priorities: UnsafeMutableBufferPointer<Float>
  ) throws(BatchError) -> TrainingOutcome {
    let outcome = try computeGradients(batch, priorities: priorities)
    switch outcome {
    case .trained: applyGradients()
    case .notFinite: break
    }
    return outcome
  }

  /// A copy of the parameters.
  public func parameters() -> [Float] {
    [Float](unsafeUninitializedCapacity: parameterCount) { buffer, count in
      exportParameters(to: buffer)
      count = parameterCount
    }
  }
}

public enum TrainingOutcome: Sendable, Hashable {
  case trained
  /// The loss or the gradient was infinite or NaN; parameters and optimizer are as before.
  case notFinite
}

/// What a rule is, beside its parameters.
public struct RuleState: Hashable, Sendable {
  /// Flat vectors in the order of the manifest, by name.
  public var vectors: [String: [Float]]
  public var counters: [String: Int]

  public init(vectors: [String: [Float]] = [:], counters: [String: Int] = [:]) {
    self.vectors = vectors
    self.counters = counters
  }
}
