// A learning rule that adds known numbers.

internal import Algorithms
internal import Experience
internal import Foundations

/// Each update adds known numbers to the parameters and counts them in `unpushed`. Some batches are
/// not finite, through no row's fault.
final class SimulatedRule: LearningRule {
  let manifest = Ledger.manifest
  let batchMax: Int
  static let metricDescriptions: [(name: String, help: String)] = []
  let metrics: [Float] = []
  let stateNames = RuleStateNames()
  var state: RuleState { RuleState() }

  /// What was trained and not pushed yet.
  var unpushed = [Double](repeating: 0, count: Plan.parameters)
  /// The last milestone that it got.
  private(set) var target: [Float]?
  private(set) var targets = 0
  /// Every batch is finite.
  var isNeverAtFault = false
  /// The rows' weights in the last gradients.
  private var weights: [Float]?
  /// What `applyGradients` adds, or with shared gradients the server subtracts.
  private var step = [Float](repeating: 0, count: Plan.parameters)
  private var values = [Float](repeating: 0, count: Plan.parameters)
  private var generator: SeededGenerator

  init(batchMax: Int, generator: SeededGenerator) {
    self.batchMax = batchMax
    self.generator = generator
  }

  func exportParameters(to destination: UnsafeMutableBufferPointer<Float>) {
    _ = destination.update(fromContentsOf: values)
  }

  func importParameters(from source: UnsafeBufferPointer<Float>) { values = Array(source) }

  func computeGradients(
    _ batch: ColumnBatch, priorities: UnsafeMutableBufferPointer<Float>
  ) throws(BatchError) -> TrainingOutcome {
    weights = (0..<batch.count).map { batch.importanceWeights?[$0] ?? 1 }
    for row in 0..<batch.count { priorities[row] = Float(generator.below(1000)) / 64 }
    for index in step.indices { step[index] = Float(generator.below(129) - 64) / 64 }
    return isNeverAtFault || generator.below(40) > 0 ? .trained : .notFinite
  }

  /// The rows' weights in the gradients since the last call; nil if there were none.
  func takeWeights() -> [Float]? {
    defer { weights = nil }
    return weights
  }

  func applyGradients() {
    for index in values.indices {
      values[index] += step[index]
      unpushed[index] += Double(step[index])
    }
  }

  func markRowsAtFault(
    _ batch: ColumnBatch, priorities: UnsafeMutableBufferPointer<Float>
  ) throws(BatchError) {}

  func adoptMilestone(_ parameters: UnsafeBufferPointer<Float>) {
    target = Array(parameters)
    targets += 1
  }

  func exportGradients(to destination: UnsafeMutableBufferPointer<Float>) {
    _ = destination.update(fromContentsOf: step)
  }
  func importGradients(from source: UnsafeBufferPointer<Float>) -> Float { 0 }
  func restore(_ state: RuleState) {}
}
