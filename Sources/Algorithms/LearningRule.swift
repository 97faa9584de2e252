// The protocol of learning rules.

public import Experience
public import Foundations

/// Holds parameters and updates them with batches. All flat vectors have the manifest's order and
/// layout. Not `Sendable`: one thread owns it.
public protocol LearningRule: AnyObject {
  /// Names and shapes of the tensors in flat vectors.
  var manifest: WeightsManifest { get }
  /// The largest number of rows of a batch.
  var batchMax: Int { get }
  /// The names of `metrics`, each with one sentence of help.
  static var metricDescriptions: [(name: String, help: String)] { get }
  /// The metrics of the last batch whose outcome was `.trained`, in the order of
  /// `metricDescriptions`.
  var metrics: [Float] { get }

  /// The names of `scheduled`, each with one sentence of help.
  static var scheduledDescriptions: [(name: String, help: String)] { get }
  /// The present values of settings that follow a schedule, in the order of
  /// `scheduledDescriptions`.
  var scheduled: [Double] { get }
  /// How far the run has come, which schedules follow. The caller sets it before an update.
  var clock: RunClock { get set }

  /// Writes the parameters.
  func exportParameters(to destination: UnsafeMutableBufferPointer<Float>)
  /// Loads parameters; targets and optimizer state do not change.
  func importParameters(from source: UnsafeBufferPointer<Float>)

  /// Computes what the gradients of a batch need and does not depend on the parameters, while
  /// the learner waits for them. The next `computeGradients` is of this batch, or
  /// `forgetPrepared` comes before it.
  func prepareGradients(_ batch: ColumnBatch)
  /// The batch that was prepared is not trained on.
  func forgetPrepared()

  /// Computes the gradients of a batch, for `applyGradients` here or in another process.
  ///
  /// - Parameter priorities: `[count]` or more, receives each row's new priority; NaN keeps the old
  ///   one. Undefined if the outcome is `.notFinite`.
  /// - Throws: `BatchError` if the columns do not fit; then nothing has changed.
  func computeGradients(
    _ batch: ColumnBatch, priorities: UnsafeMutableBufferPointer<Float>
  ) throws(BatchError) -> TrainingOutcome
  /// Updates the parameters with the current gradients.
  func applyGradients()
  /// Writes the gradients of the last `computeGradients` or `importGradients`.
  func exportGradients(to destination: UnsafeMutableBufferPointer<Float>)
  /// Replaces the gradients for `applyGradients`, for example by the merged ones of several
  /// learners.
  /// - Returns: Their global norm. Gradients with a norm that is not finite must not be applied.
  func importGradients(from source: UnsafeBufferPointer<Float>) -> Float

  /// Tells the rule that its parameters, which were imported, have been through this many updates
  /// in other processes. A rule whose targets follow the parameters moves them.
  func followParameters(updates: UInt64)

  /// Finds the rows that caused `.notFinite`, by computing each row by itself, and sets their
  /// priority to ∞. It costs as much as an update for each row.
  func markRowsAtFault(
    _ batch: ColumnBatch, priorities: UnsafeMutableBufferPointer<Float>
  ) throws(BatchError)

  /// Copies the published parameters of a milestone (`Algorithm.milestoneEvery`) into the target
  /// network, if the rule has one.
  func adoptMilestone(_ parameters: UnsafeBufferPointer<Float>)

  /// What a checkpoint contains in addition to the parameters.
  var state: RuleState { get }
  /// The names in `state`.
  var stateNames: RuleStateNames { get }
  /// Loads a state that `state` returned earlier.
  func restore(_ state: RuleState)
}

/// A rule without schedules, whose targets do not follow the parameters, and that prepares nothing.
extension LearningRule {
  public func followParameters(updates: UInt64) {}
  public func prepareGradients(_ batch: ColumnBatch) {}
  public func forgetPrepared() {}
  public static var scheduledDescriptions: [(name: String, help: String)] { [] }
  public var scheduled: [Double] { [] }
  public var clock: RunClock {
    get { RunClock() }
    set {}
  }
}

extension LearningRule {
  /// The names of `metrics`, in order.
  public var metricNames: [String] { Self.metricDescriptions.map(\.name) }

  /// The names of `scheduled`, in order.
  public var scheduledNames: [String] { Self.scheduledDescriptions.map(\.name) }

  /// Elements of every flat vector.
  public var parameterCount: Int { manifest.elementCount }

  /// Makes one update. Nothing has changed unless the outcome is `.trained`.
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

/// The result of computing a batch's gradients.
public enum TrainingOutcome: Sendable, Hashable {
  /// Loss and gradient are finite.
  case trained
  /// The loss or the gradient is NaN or infinite; parameters and optimizer have not changed.
  case notFinite
}

/// The state of a rule without its parameters, by name.
public struct RuleState: Hashable, Sendable {
  /// Flat vectors in the manifest's order.
  public var vectors: [String: [Float]]
  /// Whole numbers, such as the optimizer's step.
  public var counters: [String: Int]

  public init(vectors: [String: [Float]] = [:], counters: [String: Int] = [:]) {
    self.vectors = vectors
    self.counters = counters
  }
}

/// The names of a rule's state.
public struct RuleStateNames: Hashable, Sendable {
  /// Vectors that every saved state has.
  public var vectors: [String]
  /// Vectors of the optimizer: a state that another one saved has others.
  public var optimizerVectors: [String]
  /// Whole numbers.
  public var counters: [String]

  public init(vectors: [String] = [], optimizerVectors: [String] = [], counters: [String] = []) {
    self.vectors = vectors
    self.optimizerVectors = optimizerVectors
    self.counters = counters
  }
}
