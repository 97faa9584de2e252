// What is learned, and how.

internal import Experience
public import Foundations

/// `algorithm`: the learning rule, its network and its optimizer.
public struct AlgorithmConfiguration: Hashable, Sendable {
  /// The learning rule.
  public enum Name: String, CaseIterable, Sendable {
    case dqn
    case actorCritic = "actor-critic"
    case policyGradient = "policy-gradient"
  }

  /// The network's trunk.
  public enum Network: String, CaseIterable, Sendable {
    /// Dense layers of the sizes in `hidden`.
    case mlp
    /// The three convolutions and 512 units of Mnih et al. 2015.
    case nature
  }

  /// The learning rule.
  public var name = Name.dqn
  /// Sizes of the hidden layers of the `mlp` network.
  public var hidden = [64, 64]
  /// The network's trunk.
  public var network = Network.mlp
  /// Whether the head splits Q into a state's value and advantages (Wang et al. 2016).
  public var dueling = true
  /// Whether the online network chooses the target's action (van Hasselt et al. 2016).
  public var double = true
  /// n of the n-step return.
  public var nStep = 3
  /// γ of one step, 0 to 1.
  public var discount = 0.99
  /// The optimizer's step size.
  public var learningRate: Schedule = 0.001
  /// What turns gradients into steps.
  public var optimizer = OptimizerConfiguration()
  /// Largest global norm of a gradient; 0 switches clipping off.
  public var gradientClip = 10.0
  /// Absolute error at which the Huber loss turns from quadratic to linear.
  public var huberDelta = 1.0
  /// Items in one update: transitions, or trajectories.
  public var batch = 64
  /// How the target network follows the online network.
  public var target = TargetConfiguration()
  /// What the algorithms over trajectories have in common.
  public var trajectory = TrajectoryConfiguration()
  /// The correction of `actor-critic` for experience of older policies.
  public var vtrace = VTraceConfiguration()
  /// The advantages of `policy-gradient`.
  public var gae = GAEConfiguration()

  public init() {}
}

/// `algorithm.target`: how the target network θ⁻ follows the online network θ.
public struct TargetConfiguration: Hashable, Sendable {
  /// When and how far the target network moves.
  public enum Kind: String, CaseIterable, Sendable {
    /// θ⁻ is a copy of the last milestone: published weights whose clock passed a multiple of
    /// `everyUpdates`.
    case hard
    /// θ⁻ += τ(θ − θ⁻) at each update.
    case polyak
  }

  /// When and how far the target network moves.
  public var kind = Kind.hard
  /// Updates between two milestones, for `hard`.
  public var everyUpdates = 2000
  /// τ, above 0 and up to 1, for `polyak`.
  public var tau = 0.005

  public init() {}
}

extension AlgorithmConfiguration {
  /// The kind of table that learners of this rule sample from.
  var tableKind: TableKind.Name {
    switch name {
    case .dqn: .transition
    case .actorCritic, .policyGradient: .sequence
    }
  }

  /// Whether each item is trained on once, soon after it was made.
  var consumesItems: Bool { tableKind == .sequence }

  mutating func read(_ reader: inout ConfigurationReader) {
    reader.choice("name", &name)
    // What is not set follows from what is.
    if reader.isSet("name"), consumesItems { (gradientClip, batch) = (0.5, 32) }
    reader.choice("network", &network)
    reader.list("hidden", &hidden, count: 0...8, 1...65_536)
    reader.double("discount", &discount, .from(0, to: 1))
    reader.schedule("learning_rate", &learningRate, .above(0, upTo: 10))
    reader.section("optimizer") { optimizer.read(&$0) }
    reader.renamed("adam_epsilon", to: "optimizer.epsilon", "for every optimizer that has an ε")
    reader.double("gradient_clip", &gradientClip, .atLeast(0))
    reader.integer("batch", &batch, 1...1_048_576)
    reader.owned(by: "algorithm.name dqn", isRead: name == .dqn) { readDQN(&$0) }
    reader.owned(by: "algorithm.name actor-critic or policy-gradient", isRead: tableKind == .sequence) {
      trajectory.read(&$0)
    }
    reader.owned(by: "algorithm.name actor-critic", isRead: name == .actorCritic) { reader in
      reader.section("vtrace") { vtrace.read(&$0) }
    }
    reader.owned(by: "algorithm.name policy-gradient", isRead: name == .policyGradient) { reader in
      reader.section("gae") { gae.read(&$0) }
    }
  }

  private mutating func readDQN(_ reader: inout ConfigurationReader) {
    reader.bool("dueling", &dueling)
    reader.bool("double", &double)
    reader.integer("n_step", &nStep, 1...1000)
    reader.double("huber_delta", &huberDelta, .above(0))
    reader.section("target") { target.read(&$0) }
  }
}

extension TargetConfiguration {
  mutating func read(_ reader: inout ConfigurationReader) {
    reader.choice("kind", &kind)
    reader.integer("every_updates", &everyUpdates, 1...1_000_000_000)
    reader.renamed("every_versions", to: "every_updates", "in updates, not in published versions")
    reader.double("tau", &tau, .above(0, upTo: 1))
  }
}
