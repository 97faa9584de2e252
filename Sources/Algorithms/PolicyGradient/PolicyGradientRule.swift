// The policy gradient: an update from a batch of trajectories.

internal import Experience
public import Foundations
internal import Glibc
public import Numerics

/// REINFORCE with a learned baseline and the advantage A_t of `GAE` (Williams 1992; Sutton & Barto
/// 2018, §13.4; Schulman et al. 2016).
///
/// It is on-policy: it takes all experience for the present policy's, so experience must not be
/// older than that policy. `TrajectoryNetwork` has the loss.
///
/// *Differs from the sources:* the mean over the steps in place of the sum over an episode; a
/// trajectory that ends within an episode bootstraps; no γ^t before the gradient.
public final class PolicyGradientRule: TrajectoryRule {
  /// Fixed for the rule's lifetime.
  public let configuration: PolicyGradientConfiguration
  public let batchMax: Int
  let core: TrajectoryNetwork
  /// Advances the step size and the weight of the entropy.
  public var clock = RunClock()

  public static let metricDescriptions = [
    (name: "loss", help: "Moving mean of the loss."),
    (name: "gradient_norm", help: "Moving mean of the gradient's norm before clipping."),
    (name: "policy_loss", help: "Moving mean of the policy's loss."),
    (name: "value_loss", help: "Moving mean of half the value's squared error."),
    (name: "entropy", help: "Moving mean of the policy's entropy in nats."),
  ]
  /// Of the last batch, in the order of `metricDescriptions`.
  public private(set) var metrics: [Float] = [0, 0, 0, 0, 0]

  /// - Throws: `NetworkSpecError` if the layers do not fit each other.
  public init(
    _ network: PolicyNetwork, configuration: PolicyGradientConfiguration, batchMax: Int
  ) throws(NetworkSpecError) {
    self.configuration = configuration
    self.batchMax = batchMax
    core = try TrajectoryNetwork(network, settings: configuration.trajectories, batchMax: batchMax)
  }

  func estimate(_ batch: TrajectoryBatch) {
    for index in 0..<batch.count {
      let row = core.firstStep(of: index, batch)
      configuration.gae.compute(
        core.trajectory(index, of: batch), targets: core.targets + row, advantages: core.advantages + row)
    }
    if configuration.normalizesAdvantages { normalize(batch) }
  }

  /// A ← (A − mean) / (standard deviation + 10⁻⁸), over the steps with an action.
  private func normalize(_ batch: TrajectoryBatch) {
    func overSteps(_ body: (Int) -> Void) {
      for row in 0..<batch.count * batch.rows where batch.isTrained(row) { body(row) }
    }
    var (sum, squares, count) = (0.0, 0.0, 0.0)
    overSteps {
      sum += Double(core.advantages[$0])
      count += 1
    }
    guard count > 0 else { return }
    let mean = sum / count
    overSteps { squares += (Double(core.advantages[$0]) - mean) * (Double(core.advantages[$0]) - mean) }
    let scale = 1 / ((squares / count).squareRoot() + 1e-8)
    overSteps { core.advantages[$0] = Float((Double(core.advantages[$0]) - mean) * scale) }
  }

  func record(_ losses: TrajectoryNetwork.Losses, _ batch: TrajectoryBatch) {
    let entropyCost = Float(core.settings.entropyCost.value(at: clock))
    metrics[0] = Float(losses.total(core.settings, entropyCost: entropyCost))
    metrics[1] = core.gradientNorm
    metrics[2] = Float(losses.policy)
    metrics[3] = Float(losses.value)
    metrics[4] = Float(losses.entropy)
  }
}
