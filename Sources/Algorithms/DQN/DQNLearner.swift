// Deep Q-learning: one training step on one batch.

public import Foundations
public import Numerics

/// Deep Q-learning (Mnih et al. 2015, algorithm 1; double: van Hasselt et al. 2016; weighted: Schaul et al. 2016, algorithm 1).
///
/// The loss is the mean over the batch of w_i · huber(δ_i), δ = R + Γ·Q′(s′, a′) − Q(s, a), where Q′ is the target network and
/// a′ the best action by the online network (double) or by Q′. Gradients flow through Q(s, a) only.
///
/// *Differs from the sources:* Adam instead of RMSProp, the Huber loss instead of clipped errors (the same gradient at δ = 1),
/// and the mean of w·huber(δ) instead of its sum.
///
/// Not `Sendable`: one thread owns it. `train` allocates nothing. Flat vectors that go in and out are in PyTorch's layout.
public final class DQNLearner {
  public let configuration: DQNConfiguration
  public let spec: NetworkSpec
  /// Rows that a batch may have at most.
  public let batchMax: Int

  let online: Network
  let target: Network
  let optimizer: Adam
  private let huber: Huber
  /// a′ of each row.
  private let nextActions: UnsafeMutablePointer<Int32>
  /// R + Γ·Q′(s′, a′) of each row.
  private let returns: UnsafeMutablePointer<Float>
  private var gradientNorm: Float = 0

  /// Both networks start from the same parameters, all zero until `initialize` or `importParameters`.
  /// - Throws: `NetworkSpecError` if the layers do not fit each other.
  public init(
    spec: NetworkSpec, configuration: DQNConfiguration = DQNConfiguration(), batchMax: Int
  ) throws(NetworkSpecError) {
    self.spec = spec
    self.configuration = configuration
    self.batchMax = batchMax
    online = try Network(spec: spec, batchMax: batchMax, isTraining: true)
    target = try Network(spec: spec, batchMax: batchMax)
    optimizer = Adam(parameterCount: online.parameterCount, configuration: configuration.adam)
    huber = Huber(delta: configuration.huberDelta)
    nextActions = .allocate(capacity: batchMax)
    nextActions.initialize(repeating: 0, count: batchMax)
    returns = .allocate(capacity: batchMax)
    returns.initialize(repeating: 0, count: batchMax)
  }

  deinit {
    nextActions.deallocate()
    returns.deallocate()
  }

  /// Seeded parameters, the same in both networks.
  public func initialize(using generator: inout SeededGenerator) {
    online.initialize(using: &generator)
    updateTargetHard()
  }

  /// One step: gradients, clipping, Adam, and the target network if it follows by Polyak averaging.
  ///
  /// - Parameter errors: `[count]` or more, receives |δ| of each row, before the update: the new priorities. Not to be used
  ///   if the outcome is `.notFinite`.
  /// - Throws: `TransitionBatchError`; nothing has changed then.
  public func train(
    _ batch: TransitionBatch, errors: UnsafeMutableBufferPointer<Float>
  ) throws(TransitionBatchError) -> TrainingOutcome {
    let outcome = try computeGradients(batch, errors: errors)
    if case .trained = outcome { applyGradients() }
    return outcome
  }

  /// The first half of `train`: leaves the gradients to be applied here, or to be sent to who owns the optimizer.
  public func computeGradients(
    _ batch: TransitionBatch, errors: UnsafeMutableBufferPointer<Float>
  ) throws(TransitionBatchError) -> TrainingOutcome {
    try check(batch, errors)
    computeReturns(batch)
    let (loss, meanQ) = computeLoss(batch, errors)
    guard loss.isFinite else { return .notFinite }
    online.backward(count: batch.count)
    gradientNorm = GradientClip.norm(UnsafeBufferPointer(online.gradients))
    guard gradientNorm.isFinite else { return .notFinite }
    return .trained(TrainingResult(loss: loss, gradientNorm: gradientNorm, meanQ: meanQ))
  }

  /// The second half of `train`: clips and applies the gradients that are there.
  public func applyGradients() {
    let scale = configuration.gradientClip.map { GradientClip.scale(norm: gradientNorm, max: $0) } ?? 1
    optimizer.update(
      parameters: online.parameters, gradients: UnsafeBufferPointer(online.gradients), gradientScale: scale)
    online.parametersChanged()
    if case .polyak(let tau) = configuration.target { target.blendParameters(towards: online, fraction: tau) }
  }

  /// After `.notFinite`: which rows are at fault, each tried by itself. |δ| of a row whose own error, loss or gradient is not
  /// finite becomes infinite. As slow as a training step for each row, so not for every batch.
  public func markRowsAtFault(
    _ batch: TransitionBatch, errors: UnsafeMutableBufferPointer<Float>
  ) throws(TransitionBatchError) {
    try check(batch, errors)
    let bytes = spec.inputCount * (spec.inputType == .float32 ? 4 : 1)
    for row in 0..<batch.count {
      let single = TransitionBatch(
        count: 1, observation: batch.observation + row * bytes, action: batch.action + row,
        reward: batch.reward + row, discount: batch.discount + row,
        nextObservation: batch.nextObservation + row * bytes,
        importanceWeights: batch.importanceWeights.map { $0 + row })
      let error = UnsafeMutableBufferPointer(rebasing: errors[row..<row + 1])
      guard case .trained = try computeGradients(single, errors: error), error[0].isFinite else {
        error[0] = .infinity
        continue
      }
    }
  }

  /// Replaces the gradients (those of several learners, merged) for `applyGradients`.
  /// - Returns: Their global norm; if it is not finite, do not apply them.
  public func importGradients(from source: UnsafeBufferPointer<Float>) -> Float {
    online.importValues(from: source, into: online.gradients)
    gradientNorm = GradientClip.norm(UnsafeBufferPointer(online.gradients))
    return gradientNorm
  }

  /// The target network becomes a copy of the online network.
  public func updateTargetHard() { target.copyParameters(from: online) }

  private func check(
    _ batch: TransitionBatch, _ errors: UnsafeMutableBufferPointer<Float>
  ) throws(TransitionBatchError) {
    guard batch.count > 0, batch.count <= batchMax else { throw .count(batch.count, batchMax: batchMax) }
    guard errors.count >= batch.count else { throw .errorBuffer(errors.count, rows: batch.count) }
    for row in 0..<batch.count where batch.action[row] < 0 || batch.action[row] >= spec.outputs {
      throw .action(batch.action[row], row: row, actions: spec.outputs)
    }
  }

  private func computeReturns(_ batch: TransitionBatch) {
    let actions = spec.outputs
    if configuration.isDouble {
      let q = online.forward(batch.nextObservation, count: batch.count)
      for row in 0..<batch.count {
        nextActions[row] = Int32(truncatingIfNeeded: indexOfLargest(q + row * actions, count: actions))
      }
    }
    let q = target.forward(batch.nextObservation, count: batch.count)
    for row in 0..<batch.count {
      let values = q + row * actions
      let next =
        configuration.isDouble ? Int(nextActions[row]) : indexOfLargest(values, count: actions)
      // A terminal row bootstraps from nothing, whatever its next observation holds.
      let bootstrap = batch.discount[row] == 0 ? 0 : batch.discount[row] * values[next]
      returns[row] = batch.reward[row] + bootstrap
    }
  }

  /// Leaves the loss's gradient in the outputs with the online network.
  private func computeLoss(
    _ batch: TransitionBatch, _ errors: UnsafeMutableBufferPointer<Float>
  ) -> (loss: Float, meanQ: Float) {
    let actions = spec.outputs
    let q = online.forward(batch.observation, count: batch.count)
    let gradient = online.outputGradient
    gradient.update(repeating: 0, count: batch.count * actions)
    let share = 1 / Float(batch.count)
    var loss: Double = 0
    var sumQ: Double = 0
    for row in 0..<batch.count {
      let index = row * actions + Int(batch.action[row])
      let weight = batch.importanceWeights?[row] ?? 1
      let error = returns[row] - q[index]
      errors[row] = error.magnitude
      loss += Double(weight * huber.loss(error))
      sumQ += Double(q[index])
      gradient[index] = -share * weight * huber.gradient(error)
    }
    return (Float(loss / Double(batch.count)), Float(sumQ / Double(batch.count)))
  }
}

/// The first of the largest values; `count` at least 1.
@inline(__always)
func indexOfLargest(_ values: UnsafePointer<Float>, count: Int) -> Int {
  var best = 0
  for index in 1..<max(1, count) where values[index] > values[best] { best = index }
  return best
}
