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
    case .dqn: .dqn(dqn, network(for: spec))
    }
  }

  private func network(for spec: EnvironmentSpec) -> NetworkSpec {
    // Without discrete actions there are no outputs, and `Algorithm.problem` refuses the network.
    let actions = spec.actions.discreteCount ?? 0
    switch algorithm.network {
    case .mlp:
      var network = NetworkSpec.mlp(
        inputs: spec.observationElementCount * environment.frameStack, hidden: algorithm.hidden,
        outputs: actions,
        dueling: algorithm.dueling)
      if spec.observationType == .uint8 { network.inputType = .uint8 }
      return network
    case .nature:
      let shape = spec.observationShape
      let planes = (shape.count == 3 ? shape[0] : 1) * environment.frameStack
      return .nature(
        planes: planes, height: shape[max(0, shape.count - 2)], width: shape[shape.count - 1],
        outputs: actions, dueling: algorithm.dueling)
    }
  }

  private var dqn: DQNConfiguration {
    DQNConfiguration(
      isDouble: algorithm.double,
      descent: GradientDescent(
        optimizer, learningRate: algorithm.learningRate,
        clip: algorithm.gradientClip > 0 ? Float(algorithm.gradientClip) : nil),
      huberDelta: Float(algorithm.huberDelta), target: target)
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
    }
  }
}
