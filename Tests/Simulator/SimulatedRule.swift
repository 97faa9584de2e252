// A learning rule that adds known numbers.

internal import Algorithms
internal import Experience
internal import Foundations

/// Each update adds to the parameters what it then counts in `unpushed`. Now and then a batch is
/// not finite, through no row's fault.
final class SimulatedRule: LearningRule {
  let manifest = Ledger.manifest
  let batchMax: Int
  static let measured: [(name: String, help: String)] = []
  let metrics: [Float] = []
  static let stateNames = (vectors: [String](), counters: [String]())
  var state: RuleState { RuleState() }

  /// What has been trained and not pushed yet.
  var unpushed = [Double](repeating: 0, count: Plan.parameters)
  /// The milestone that it was given last.
  private(set) var target: [Float]?
  private(set) var targets = 0
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
    for row in 0..<batch.count { priorities[row] = Float(generator.below(1000)) / 64 }
    return generator.below(40) == 0 ? .notFinite : .trained
  }

  func applyGradients() {
    for place in values.indices {
      let step = Double(generator.below(129) - 64) / 64
      values[place] += Float(step)
      unpushed[place] += step
    }
  }

  func markRowsAtFault(
    _ batch: ColumnBatch, priorities: UnsafeMutableBufferPointer<Float>
  ) throws(BatchError) {}

  func reachMilestone(_ parameters: UnsafeBufferPointer<Float>) {
    target = Array(parameters)
    targets += 1
  }

  func exportGradients(to destination: UnsafeMutableBufferPointer<Float>) {}
  func importGradients(from source: UnsafeBufferPointer<Float>) -> Float { 0 }
  func restore(_ state: RuleState) {}
}
