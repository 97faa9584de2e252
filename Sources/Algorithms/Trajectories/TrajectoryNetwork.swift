// A policy and value network in training, with the memory of a batch.

internal import Experience
internal import Foundations
internal import Numerics

/// Computes the gradients of
///
///     L = mean of w · (−A_t log π(a_t|s_t) + ½ valueCost (v_t − V(s_t))² − entropyCost · H)
///
/// with the rule's advantages A_t and targets v_t, which are constants to the gradient.
/// The mean is over all T steps of all trajectories; a step without an action counts as 0. So the
/// mean of several learners' gradients is the gradient of all their trajectories.
///
/// Not `Sendable`: one thread owns it. An update allocates no memory.
public final class TrajectoryNetwork {
  let settings: TrajectorySettings
  let spec: NetworkSpec
  let distribution: ActionDistribution
  let network: Network
  let optimizer: OptimizerState
  private(set) var gradientNorm: Float = 0

  /// What is computed for each row of a batch, `[count, rows]` each.
  let logProbabilities: UnsafeMutablePointer<Float>
  let entropies: UnsafeMutablePointer<Float>
  let advantages: UnsafeMutablePointer<Float>
  let targets: UnsafeMutablePointer<Float>

  /// - Throws: `NetworkSpecError` if the layers do not fit each other.
  init(
    _ network: PolicyNetwork, settings: TrajectorySettings, batchMax: Int
  ) throws(NetworkSpecError) {
    spec = network.spec
    distribution = network.distribution
    self.settings = settings
    let rows = batchMax * settings.rows
    self.network = try Network(spec: spec, batchMax: rows, isTraining: true)
    optimizer = OptimizerState(settings.descent.optimizer, parameterCount: self.network.parameterCount)
    func column() -> UnsafeMutablePointer<Float> {
      let column = UnsafeMutablePointer<Float>.allocate(capacity: rows)
      column.initialize(repeating: 0, count: rows)
      return column
    }
    (logProbabilities, entropies, advantages, targets) = (column(), column(), column(), column())
  }

  deinit {
    for column in [logProbabilities, entropies, advantages, targets] { column.deallocate() }
  }

  /// V(s) of the batch that was computed last, `[count, rows]`.
  var values: UnsafePointer<Float> { network.outputs(head: PolicyNetwork.valueHead) }

  /// The trajectory of a batch, with the values that `evaluate` computed.
  func trajectory(_ index: Int, of batch: TrajectoryBatch) -> Trajectory {
    let row = firstStep(of: index, batch)
    return Trajectory(
      steps: settings.steps, discount: settings.discount, rewardScale: settings.rewardScale,
      rewards: batch.reward + row, flags: batch.flags + row, values: values + row)
  }

  /// The row of a trajectory's first step that is trained on.
  func firstStep(of index: Int, _ batch: TrajectoryBatch) -> Int { index * batch.rows + batch.contextRows }

  /// Computes values, log-probabilities and entropies of all rows.
  func evaluate(_ batch: TrajectoryBatch) {
    let outputs = network.forward(batch.observation, count: batch.count * batch.rows)
    for row in 0..<batch.count * batch.rows where batch.isTrained(row) {
      (logProbabilities[row], entropies[row]) = distribution.evaluate(
        outputs + row * distribution.outputs, batch.action(row))
    }
  }

  /// The parts of the loss, each as the mean over the steps.
  struct Losses {
    var policy = 0.0
    var value = 0.0
    var entropy = 0.0

    func total(_ settings: TrajectorySettings, entropyCost: Float) -> Double {
      policy + Double(settings.valueCost) * value - Double(entropyCost) * entropy
    }
  }

  /// Computes the gradients with the present advantages and targets, after `evaluate`. Nil if the
  /// loss or the gradient is NaN or infinite.
  func differentiate(_ batch: TrajectoryBatch, entropyCost: Float) -> Losses? {
    let outputs = network.outputs(head: PolicyNetwork.policyHead)
    let policyGradient = network.outputGradient(head: PolicyNetwork.policyHead)
    let valueGradient = network.outputGradient(head: PolicyNetwork.valueHead)
    let width = distribution.outputs
    let meanFactor = 1 / Float(batch.count * settings.steps)
    var losses = Losses()
    for row in 0..<batch.count * batch.rows {
      guard batch.isTrained(row) else {
        (policyGradient + row * width).update(repeating: 0, count: width)
        valueGradient[row] = 0
        continue
      }
      let weight = meanFactor * (batch.importanceWeights?[row / batch.rows] ?? 1)
      let error = targets[row] - values[row]
      losses.policy -= Double(weight * advantages[row] * logProbabilities[row])
      losses.value += Double(weight * 0.5 * error * error)
      losses.entropy += Double(weight * entropies[row])
      distribution.writeLossGradient(
        outputs + row * width, batch.action(row), advantage: weight * advantages[row],
        entropyCost: weight * entropyCost, to: policyGradient + row * width)
      valueGradient[row] = -weight * settings.valueCost * error
    }
    guard losses.total(settings, entropyCost: entropyCost).isFinite else { return nil }
    network.backward(count: batch.count * batch.rows)
    measureGradient()
    return gradientNorm.isFinite ? losses : nil
  }

  func measureGradient() { gradientNorm = GradientClip.norm(UnsafeBufferPointer(network.gradients)) }

  /// Clips the gradients and makes a step.
  func step(learningRate: Double) {
    optimizer.step(
      network.parameters, gradients: UnsafeBufferPointer(network.gradients),
      gradientScale: settings.descent.scale(norm: gradientNorm), learningRate: learningRate)
    network.parametersChanged()
  }
}
