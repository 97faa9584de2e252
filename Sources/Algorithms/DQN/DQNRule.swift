// Deep Q-learning: an update from a batch.

public import Experience
public import Foundations
internal import Glibc
public import Numerics

/// Deep Q-learning (Mnih et al. 2015, algorithm 1; double: van Hasselt et al. 2016; weighted:
/// Schaul et al. 2016, algorithm 1).
///
/// The loss is the mean over the batch of w_i · huber(δ_i), δ = R + Γ·Q′(s′, a′) − Q(s, a), where
/// Q′ is the target network and a′ the best action by the online network (double) or by Q′.
/// Gradients flow through Q(s, a) only.
///
/// *Differs from the sources:* Adam unless configured, the Huber loss instead of clipped errors
/// (the same gradient at δ = 1), and the mean of w·huber(δ) instead of its sum.
///
/// Not `Sendable`: one thread owns it. An update allocates no memory.
public final class DQNRule: LearningRule {
  /// Fixed for the rule's lifetime.
  public let configuration: DQNConfiguration
  /// The layers of both networks.
  public let spec: NetworkSpec
  /// The tensors of the flat vectors, in PyTorch's order and layout.
  public let manifest: WeightsManifest
  /// The largest number of rows of a batch.
  public let batchMax: Int
  /// The names of `metrics`, with their help.
  public static let metricDescriptions = [
    (name: "loss", help: "Moving mean of the loss."),
    (name: "gradient_norm", help: "Moving mean of the gradient's norm before clipping."),
    (name: "mean_q", help: "Moving mean of the action values of sampled states."),
  ]
  /// Of the last batch: the mean of w·huber(δ), the gradient's global norm before clipping, and the
  /// mean of Q(s, a) for the actions taken.
  public private(set) var metrics: [Float] = [0, 0, 0]

  public static let scheduledDescriptions = [(name: "learning_rate", help: "The optimizer's step size.")]
  public var scheduled: [Double] { [configuration.descent.learningRate.value(at: clock)] }
  /// Advances the learning rate.
  public var clock = RunClock()

  let online: Network
  let target: Network
  let optimizer: OptimizerState
  private let huber: Huber
  /// a′ of each row.
  private let nextActions: UnsafeMutablePointer<Int32>
  /// R + Γ·Q′(s′, a′) of each row.
  private let returns: UnsafeMutablePointer<Float>
  private var gradientNorm: Float = 0
  /// The batch that the target network's outputs are of; nil if they are of no batch that is to
  /// come, or the network has changed.
  private var prepared: (next: UnsafeRawPointer, count: Int, values: UnsafePointer<Float>)?

  /// Both networks start from the same parameters, all zero until `initialize` or
  /// `importParameters`.
  /// - Throws: `NetworkSpecError` if the layers do not fit each other.
  public init(
    spec: NetworkSpec, configuration: DQNConfiguration = DQNConfiguration(), batchMax: Int
  ) throws(NetworkSpecError) {
    self.spec = spec
    manifest = try spec.manifest()
    self.configuration = configuration
    self.batchMax = batchMax
    online = try Network(spec: spec, batchMax: batchMax, isTraining: true)
    target = try Network(spec: spec, batchMax: batchMax)
    optimizer = OptimizerState(configuration.descent.optimizer, parameterCount: online.parameterCount)
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

  /// Draws new parameters and copies them into the target network.
  public func initialize(using generator: inout SeededGenerator) {
    online.initialize(using: &generator)
    updateTargetHard()
  }

  /// Computes the target network's action values.
  public func prepareGradients(_ batch: ColumnBatch) {
    guard let batch = try? TransitionBatch(batch, spec: spec, batchMax: batchMax) else { return }
    _ = targetValues(batch)
  }

  /// Q′ of the batch's next observations, `[count, actions]`. A row without a bootstrap may have
  /// been cleared since they were prepared.
  private func targetValues(_ batch: TransitionBatch) -> UnsafePointer<Float> {
    if let prepared, prepared.next == batch.nextObservation, prepared.count == batch.count {
      return prepared.values
    }
    let values = UnsafePointer(target.forward(batch.nextObservation, count: batch.count))
    prepared = (batch.nextObservation, batch.count, values)
    return values
  }

  /// The batch is not trained on, or the target network has changed.
  public func forgetPrepared() { prepared = nil }

  public func computeGradients(
    _ batch: ColumnBatch, priorities: UnsafeMutableBufferPointer<Float>
  ) throws(BatchError) -> TrainingOutcome {
    let batch = try TransitionBatch(batch, spec: spec, batchMax: batchMax)
    guard priorities.count >= batch.count else {
      throw .priorityBuffer(priorities.count, rows: batch.count)
    }
    computeReturns(batch)
    let (loss, meanQ) = computeLoss(batch, priorities)
    guard loss.isFinite else { return .notFinite }
    online.backward(count: batch.count)
    gradientNorm = GradientClip.norm(UnsafeBufferPointer(online.gradients))
    guard gradientNorm.isFinite else { return .notFinite }
    metrics[0] = loss
    metrics[1] = gradientNorm
    metrics[2] = meanQ
    return .trained
  }

  /// Clips the gradients, makes a step and, with Polyak averaging, moves the target network.
  public func applyGradients() {
    let descent = configuration.descent
    optimizer.step(
      online.parameters, gradients: UnsafeBufferPointer(online.gradients),
      gradientScale: descent.scale(norm: gradientNorm), learningRate: descent.learningRate.value(at: clock))
    online.parametersChanged()
    followParameters(updates: 1)
  }

  /// With Polyak averaging, moves the target network by 1 − (1 − τ)ᵏ of the way for k updates.
  public func followParameters(updates: UInt64) {
    guard case .polyak(let tau) = configuration.target, updates > 0 else { return }
    let fraction = updates == 1 ? tau : Float(1 - pow(1 - Double(tau), Double(updates)))
    target.blendParameters(towards: online, fraction: fraction)
    forgetPrepared()
  }

  /// Computes each row by itself, and sets its priority to ∞ if its loss, gradient or priority is
  /// not finite.
  public func markRowsAtFault(
    _ batch: ColumnBatch, priorities: UnsafeMutableBufferPointer<Float>
  ) throws(BatchError) {
    _ = try TransitionBatch(batch, spec: spec, batchMax: batchMax)
    for row in 0..<batch.count {
      let priority = UnsafeMutableBufferPointer(rebasing: priorities[row..<row + 1])
      let outcome = try computeGradients(batch.row(row), priorities: priority)
      if outcome == .notFinite || !priority[0].isFinite { priority[0] = .infinity }
    }
  }

  public func importGradients(from source: UnsafeBufferPointer<Float>) -> Float {
    online.importValues(from: source, into: online.gradients)
    gradientNorm = GradientClip.norm(UnsafeBufferPointer(online.gradients))
    return gradientNorm
  }

  /// Copies the online network into the target network.
  public func updateTargetHard() {
    target.copyParameters(from: online)
    forgetPrepared()
  }

  private func computeReturns(_ batch: TransitionBatch) {
    let actions = spec.outputs
    if configuration.isDouble {
      let q = online.forward(batch.nextObservation, count: batch.count)
      for row in 0..<batch.count {
        nextActions[row] = Int32(truncatingIfNeeded: indexOfLargest(q + row * actions, count: actions))
      }
    }
    let q = targetValues(batch)
    // The batch's memory is used again for another one.
    defer { prepared = nil }
    for row in 0..<batch.count {
      let values = q + row * actions
      let next =
        configuration.isDouble ? Int(nextActions[row]) : indexOfLargest(values, count: actions)
      // A terminal row does not bootstrap; its next observation may hold anything, NaN too.
      let bootstrap = batch.discount[row] == 0 ? 0 : batch.discount[row] * values[next]
      returns[row] = batch.reward[row] + bootstrap
    }
  }

  /// Computes loss and priorities, and writes the loss's gradient in the outputs for `backward`.
  private func computeLoss(
    _ batch: TransitionBatch, _ priorities: UnsafeMutableBufferPointer<Float>
  ) -> (loss: Float, meanQ: Float) {
    let actions = spec.outputs
    let q = online.forward(batch.observation, count: batch.count)
    let gradient = online.outputGradient()
    gradient.update(repeating: 0, count: batch.count * actions)
    let meanFactor = 1 / Float(batch.count)
    var loss: Double = 0
    var sumQ: Double = 0
    let priority = TransitionPriority()
    for row in 0..<batch.count {
      let index = row * actions + Int(batch.action[row])
      let weight = batch.importanceWeights?[row] ?? 1
      let error = returns[row] - q[index]
      priorities[row] = priority(error: error)
      loss += Double(weight * huber.loss(error))
      sumQ += Double(q[index])
      gradient[index] = -meanFactor * weight * huber.gradient(error)
    }
    return (Float(loss / Double(batch.count)), Float(sumQ / Double(batch.count)))
  }
}

/// The index of the first of the largest values; `count` is at least 1.
@inline(__always)
func indexOfLargest(_ values: UnsafePointer<Float>, count: Int) -> Int {
  var best = 0
  for index in 1..<max(1, count) where values[index] > values[best] { best = index }
  return best
}
