// The algorithms: the only place that switches over them.

public import Experience
public import Foundations
public import Numerics

/// An algorithm with its settings and network. All code that depends on the algorithm goes through
/// these methods. Each algorithm has a folder beside this file.
public enum Algorithm: Hashable, Sendable {
  case dqn(DQNConfiguration, NetworkSpec)
  case actorCritic(ActorCriticConfiguration, PolicyNetwork)
  case policyGradient(PolicyGradientConfiguration, PolicyNetwork)
}

extension Algorithm {
  /// Names and shapes of the tensors in the flat parameters, in order.
  /// - Throws: `NetworkSpecError` if the layers do not fit each other.
  public func manifest() throws(NetworkSpecError) -> WeightsManifest {
    switch self {
    case .dqn(_, let network): try network.manifest()
    case .actorCritic(_, let network), .policyGradient(_, let network): try network.spec.manifest()
    }
  }

  /// Why the algorithm cannot use these observations or actions, or nil if it can.
  ///
  /// - Parameter observationBytes: the bytes of one policy input, with its frame stack.
  public func problem(observationBytes: Int, _ dtype: DType, actions: ActionSpace) -> String? {
    switch self {
    case .dqn(_, let network):
      Self.problem(of: network, observationBytes: observationBytes, dtype, actions: actions)
    case .actorCritic(_, let network), .policyGradient(_, let network):
      Self.problem(of: network.spec, observationBytes: observationBytes, dtype, actions: actions)
    }
  }

  /// The same for a network with one output for each action.
  private static func problem(
    of network: NetworkSpec, observationBytes: Int, _ dtype: DType, actions: ActionSpace
  ) -> String? {
    guard actions.discreteCount != nil else {
      return "it takes discrete actions, found \(actions)"
    }
    guard network.inputByteCount == observationBytes else {
      return "it takes uint8 frames, found \(dtype.name)"
    }
    do { _ = try network.parameters() } catch { return error.description }
    return nil
  }

  /// The learner's rule. Its parameters are zero until they are imported.
  /// - Throws: `NetworkSpecError` if the layers do not fit each other.
  public func rule(batchMax: Int) throws(NetworkSpecError) -> any LearningRule {
    switch self {
    case .dqn(let configuration, let network):
      try DQNRule(spec: network, configuration: configuration, batchMax: batchMax)
    case .actorCritic(let configuration, let network):
      try ActorCriticRule(network, configuration: configuration, batchMax: batchMax)
    case .policyGradient(let configuration, let network):
      try PolicyGradientRule(network, configuration: configuration, batchMax: batchMax)
    }
  }

  /// The policy of actors and evaluators. Its parameters are zero until they are imported.
  /// - Throws: `NetworkSpecError` if the layers do not fit each other.
  public func policy(batchMax: Int) throws(NetworkSpecError) -> any Policy {
    switch self {
    case .dqn(_, let network): try QPolicy(spec: network, batchMax: batchMax)
    case .actorCritic(_, let network), .policyGradient(_, let network):
      try StochasticPolicy(network, batchMax: batchMax)
    }
  }

  /// The fields that the policy records with each step, beside observation, action and reward.
  public var recordedFields: [Field] {
    switch self {
    case .dqn: []
    case .actorCritic, .policyGradient: [StochasticPolicy.logProbability]
    }
  }

  /// The parameters at the start of a run, drawn from `generator`, in the manifest's order.
  /// - Throws: `NetworkSpecError` if the layers do not fit each other.
  public func initialParameters(
    using generator: inout SeededGenerator
  ) throws(NetworkSpecError) -> [Float] {
    switch self {
    case .dqn(_, let network): try network.initialParameters(using: &generator)
    case .actorCritic(_, let network), .policyGradient(_, let network):
      try network.spec.initialParameters(using: &generator)
    }
  }

  /// Updates between two milestones: publications that every learner must have, because targets are
  /// copies of them. Nil for an algorithm without milestones.
  public var milestoneEvery: UInt64? {
    switch self {
    case .dqn(let configuration, _): configuration.milestoneEvery
    case .actorCritic, .policyGradient: nil
    }
  }

  /// Clipping, step size and optimizer of the shared weights.
  public var descent: GradientDescent {
    switch self {
    case .dqn(let configuration, _): configuration.descent
    case .actorCritic(let configuration, _): configuration.trajectories.descent
    case .policyGradient(let configuration, _): configuration.trajectories.descent
    }
  }
}
