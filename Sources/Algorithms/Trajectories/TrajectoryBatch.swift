// A batch of trajectories.

internal import Experience
internal import Numerics

/// The columns of a `ColumnBatch` of a sequence table, looked up and checked once for each batch.
/// All have `rows` rows for each of the `count` trajectories: context, T steps, and one that
/// bootstraps.
struct TrajectoryBatch {
  /// The number of trajectories.
  let count: Int
  /// Rows of a trajectory.
  let rows: Int
  /// Rows at its start that are not trained on.
  let contextRows: Int
  /// `[count, rows] + inputShape`, of the network's input type.
  let observation: UnsafeRawPointer
  /// `[count, rows]` actions of the distribution; undefined where an episode ends.
  let action: UnsafeRawPointer
  let actionBytes: Int
  /// `[count, rows]`
  let reward: UnsafePointer<Float>
  /// `[count, rows]`, `StepFlags`.
  let flags: UnsafePointer<UInt8>
  /// `[count, rows]`, log μ(a | s) of the policy that acted.
  let logProbability: UnsafePointer<Float>
  /// `[count]`; nil for 1 everywhere.
  let importanceWeights: UnsafePointer<Float>?

  /// - Throws: `BatchError` if rows, columns or actions do not fit.
  init(
    _ batch: ColumnBatch, settings: TrajectorySettings, spec: NetworkSpec, distribution: ActionDistribution,
    batchMax: Int
  ) throws(BatchError) {
    guard batch.count > 0, batch.count <= batchMax else { throw .count(batch.count, batchMax: batchMax) }
    count = batch.count
    (rows, contextRows) = (settings.rows, settings.contextSteps)
    let input: DType =
      switch spec.inputType {
      case .float32: .float32
      case .uint8: .uint8
      }
    let field = distribution.field
    observation = try batch.column(StepSchema.observation, input, elements: rows * spec.inputCount)
    action = try batch.column(
      StepSchema.action, field.dtype, elements: rows * (field.byteCount / field.dtype.byteCount))
    actionBytes = field.byteCount
    reward = try batch.column(StepSchema.reward, .float32, elements: rows).assumingMemoryBound(to: Float.self)
    flags = try batch.column(TableSchema.flags, .uint8, elements: rows).assumingMemoryBound(to: UInt8.self)
    let recorded = StochasticPolicy.logProbability
    logProbability = try batch.column(recorded.name, recorded.dtype, elements: rows)
      .assumingMemoryBound(to: Float.self)
    importanceWeights = batch.importanceWeights
    for row in 0..<count * rows where isTrained(row) {
      if let problem = distribution.problem(action(row), row: row) { throw problem }
    }
  }

  /// Whether a row is trained on: it is one of the T steps, and has an action.
  @inline(__always)
  func isTrained(_ row: Int) -> Bool {
    let t = row % rows
    return t >= contextRows && t < rows - 1 && !isEnd(row)
  }

  /// Whether a row is an episode's last observation, which has no action.
  @inline(__always)
  func isEnd(_ row: Int) -> Bool { StepFlags(rawValue: flags[row]).contains(.isLast) }

  @inline(__always)
  func action(_ row: Int) -> UnsafeRawPointer { action + row * actionBytes }
}
