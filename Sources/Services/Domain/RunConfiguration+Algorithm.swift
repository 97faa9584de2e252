// Makes the algorithm from the configuration.

internal import Algorithms
public import Configuration
internal import Environments
internal import Experience
internal import Numerics

extension RunConfiguration {
  /// The algorithm, with a network for an environment's observations and actions.
  func algorithm(for spec: EnvironmentSpec) -> Algorithm {
    switch algorithm.name {
    case .dqn: .dqn(dqn, network(for: spec, dueling: algorithm.dueling))
    case .actorCritic: .actorCritic(actorCritic, policyNetwork(for: spec))
    case .policyGradient: .policyGradient(policyGradient, policyNetwork(for: spec))
    }
  }

  private func network(for spec: EnvironmentSpec, dueling: Bool) -> NetworkSpec {
    // Without discrete actions there are no outputs, and `Algorithm.problem` refuses the network.
    let actions = spec.actions.discreteCount ?? 0
    switch algorithm.network {
    case .mlp:
      var network = NetworkSpec.mlp(
        inputs: spec.observationElementCount * environment.frameStack, hidden: algorithm.hidden,
        outputs: actions, dueling: dueling)
      if spec.observationType == .uint8 { network.inputType = .uint8 }
      return network
    case .nature:
      let shape = spec.observationShape
      let planes = (shape.count == 3 ? shape[0] : 1) * environment.frameStack
      return .nature(
        planes: planes, height: shape[max(0, shape.count - 2)], width: shape[shape.count - 1],
        outputs: actions, dueling: dueling)
    }
  }

  private func policyNetwork(for spec: EnvironmentSpec) -> PolicyNetwork {
    // A space without a distribution is refused by `Algorithm.problem`.
    let distribution = ActionDistribution(over: spec.actions) ?? .categorical(Categorical(count: 0))
    return PolicyNetwork(trunk: network(for: spec, dueling: false), distribution: distribution)
  }

  private var descent: GradientDescent {
    GradientDescent(
      optimizer, learningRate: algorithm.learningRate,
      clip: algorithm.gradientClip > 0 ? Float(algorithm.gradientClip) : nil)
  }

  private var dqn: DQNConfiguration {
    DQNConfiguration(
      isDouble: algorithm.double, descent: descent, huberDelta: Float(algorithm.huberDelta), target: target)
  }

  private var trajectories: TrajectorySettings {
    TrajectorySettings(
      steps: algorithm.trajectory.steps, contextSteps: staleness?.contextSteps ?? 0,
      discount: Float(algorithm.discount), rewardScale: Float(algorithm.trajectory.rewardScale),
      valueCost: Float(algorithm.trajectory.valueCost), entropyCost: algorithm.trajectory.entropyCost,
      descent: descent)
  }

  private var actorCritic: ActorCriticConfiguration {
    let vtrace = algorithm.vtrace
    return ActorCriticConfiguration(
      trajectories: trajectories,
      vtrace: vtrace.enabled
        ? VTrace(rhoMax: Float(vtrace.rhoMax), cMax: Float(vtrace.cMax), lambda: Float(vtrace.lambda)) : nil)
  }

  private var policyGradient: PolicyGradientConfiguration {
    PolicyGradientConfiguration(
      trajectories: trajectories, gae: GAE(lambda: Float(algorithm.gae.lambda)),
      normalizesAdvantages: algorithm.gae.normalize)
  }

  private var optimizer: Optimizer {
    let settings = algorithm.optimizer
    return switch settings.kind {
    case .adam: .adam(Adam(beta1: settings.beta1, beta2: settings.beta2, epsilon: settings.epsilon))
    case .sgd: .sgd(SGD(momentum: settings.momentum))
    case .rmsprop:
      .rmsprop(RMSProp(decay: settings.decay, epsilon: settings.epsilon, momentum: settings.momentum))
    }
  }

  private var target: DQNConfiguration.Target {
    switch algorithm.target.kind {
    case .hard: .hard(everyUpdates: algorithm.target.everyUpdates)
    case .polyak: .polyak(tau: Float(algorithm.target.tau))
    }
  }
}

extension AlgorithmConfiguration {
  /// The metrics and scheduled settings that the learning rule adds to the metrics of every
  /// learner, with one sentence each.
  public var metricDescriptions: [(name: String, help: String)] {
    switch name {
    case .dqn: DQNRule.metricDescriptions + DQNRule.scheduledDescriptions
    case .actorCritic: ActorCriticRule.metricDescriptions + ActorCriticRule.scheduledDescriptions
    case .policyGradient: PolicyGradientRule.metricDescriptions + PolicyGradientRule.scheduledDescriptions
    }
  }
}
