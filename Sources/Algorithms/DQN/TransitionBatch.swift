// A batch of transitions for deep Q-learning.

internal import Experience
internal import Numerics

/// The columns of a `ColumnBatch` of a transition table, looked up and checked once for each batch.
struct TransitionBatch {
  /// The number of rows.
  let count: Int
  /// `[count] + inputShape`, of the network's input type.
  let observation: UnsafeRawPointer
  /// `[count]`, 0 ..< actions.
  let action: UnsafePointer<Int32>
  /// `[count]`, the n-step return Σ γᵏ·r.
  let reward: UnsafePointer<Float>
  /// `[count]`, γⁿ·(1 − terminal): the weight of the bootstrap value.
  let discount: UnsafePointer<Float>
  /// `[count] + inputShape`, the observation n steps later; undefined where the discount is 0.
  let nextObservation: UnsafeRawPointer
  /// `[count]`; nil for 1 everywhere.
  let importanceWeights: UnsafePointer<Float>?

  /// - Throws: `BatchError` if rows or columns do not fit a network of `spec`.
  init(_ batch: ColumnBatch, spec: NetworkSpec, batchMax: Int) throws(BatchError) {
    guard batch.count > 0, batch.count <= batchMax else { throw .count(batch.count, batchMax: batchMax) }
    count = batch.count
    let input: DType =
      switch spec.inputType {
      case .float32: .float32
      case .uint8: .uint8
      }
    observation = try batch.column(StepSchema.observation, input, elements: spec.inputCount)
    nextObservation = try batch.column(TableSchema.nextObservation, input, elements: spec.inputCount)
    action = try batch.column(StepSchema.action, .int32).assumingMemoryBound(to: Int32.self)
    reward = try batch.column(StepSchema.reward, .float32).assumingMemoryBound(to: Float.self)
    discount = try batch.column(TableSchema.discount, .float32).assumingMemoryBound(to: Float.self)
    importanceWeights = batch.importanceWeights
    for row in 0..<count where action[row] < 0 || action[row] >= spec.outputs {
      throw .action(action[row], row: row, actions: spec.outputs)
    }
  }
}
