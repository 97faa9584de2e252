// The actor-critic: an update from a batch of trajectories.

internal import Experience
public import Foundations
internal import Glibc
public import Numerics

/// The advantage actor-critic with V-trace (Espeholt et al. 2018), which learns from the experience
/// of somewhat older policies.
///
/// `TrajectoryNetwork` has the loss, `VTrace` its advantages and targets. Without V-trace they are
/// those of n-step returns, as if the present policy had acted (Mnih et al. 2016, algorithm S3).
///
/// *Differs from the sources:* the mean over the steps in place of the sum; Adam unless configured;
/// rewards are not clipped.
public final class ActorCriticRule: TrajectoryRule {
  /// Fixed for the rule's lifetime.
  public let configuration: ActorCriticConfiguration
  public let batchMax: Int
  let core: TrajectoryNetwork
  /// log π − log μ of a trajectory's steps.
  private let logRatios: UnsafeMutablePointer<Float>
  /// Advances the step size and the weight of the entropy.
  public var clock = RunClock()

  public static let metricDescriptions = [
    (name: "loss", help: "Moving mean of the loss."),
    (name: "gradient_norm", help: "Moving mean of the gradient's norm before clipping."),
    (name: "policy_loss", help: "Moving mean of the policy's loss."),
    (name: "value_loss", help: "Moving mean of half the value's squared error."),
    (name: "entropy", help: "Moving mean of the policy's entropy in nats."),
    (name: "importance_ratio", help: "Moving mean of min(1, policy / policy that acted): 1 is on-policy."),
  ]
  /// Of the last batch, in the order of `metricDescriptions`.
  public private(set) var metrics: [Float] = [0, 0, 0, 0, 0, 0]

  /// - Throws: `NetworkSpecError` if the layers do not fit each other.
  public init(
    _ network: PolicyNetwork, configuration: ActorCriticConfiguration, batchMax: Int
  ) throws(NetworkSpecError) {
    self.configuration = configuration
    self.batchMax = batchMax
    core = try TrajectoryNetwork(network, settings: configuration.trajectories, batchMax: batchMax)
    logRatios = .allocate(capacity: configuration.trajectories.steps)
    logRatios.initialize(repeating: 0, count: configuration.trajectories.steps)
  }

  deinit { logRatios.deallocate() }

  func estimate(_ batch: TrajectoryBatch) {
    // As if μ = π: ratios of 1.
    let vtrace = configuration.vtrace ?? VTrace()
    for index in 0..<batch.count {
      let row = core.firstStep(of: index, batch)
      if configuration.vtrace != nil {
        for t in 0..<core.settings.steps {
          logRatios[t] = core.logProbabilities[row + t] - batch.logProbability[row + t]
        }
      }
      vtrace.compute(
        core.trajectory(index, of: batch), logRatios: logRatios, targets: core.targets + row,
        advantages: core.advantages + row)
    }
  }

  func record(_ losses: TrajectoryNetwork.Losses, _ batch: TrajectoryBatch) {
    let entropyCost = Float(core.settings.entropyCost.value(at: clock))
    metrics[0] = Float(losses.total(core.settings, entropyCost: entropyCost))
    metrics[1] = core.gradientNorm
    metrics[2] = Float(losses.policy)
    metrics[3] = Float(losses.value)
    metrics[4] = Float(losses.entropy)
    metrics[5] = meanRatio(batch)
  }

  /// The mean of min(1, π / μ) over the steps with an action.
  private func meanRatio(_ batch: TrajectoryBatch) -> Float {
    var (sum, count) = (Float(0), 0)
    for row in 0..<batch.count * batch.rows where batch.isTrained(row) {
      let logRatio = core.logProbabilities[row] - batch.logProbability[row]
      sum += logRatio < 0 ? expf(logRatio) : 1
      count += 1
    }
    return count == 0 ? 1 : sum / Float(count)
  }
}
