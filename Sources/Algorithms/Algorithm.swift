// The algorithms: the one place that switches over them.

public import Experience
public import Foundations
public import Numerics

/// An algorithm with its settings and network. Whatever depends on which one runs is asked here;
/// each has a folder of its own beside this file.
public enum Algorithm: Hashable, Sendable {
  case dqn(DQNConfiguration, NetworkSpec)
}

extension Algorithm {
  /// The tensors of the flat parameters, in order.
  /// - Throws: `NetworkSpecError` if the layers do not fit each other.
  public func manifest() throws(NetworkSpecError) -> WeightsManifest {
    switch self {
    case .dqn(_, let network): try network.manifest()
    }
  }

  /// Why it cannot see observations of a type and size or take such actions, or nil if it can.
  public func problem(observationBytes: Int, _ dtype: DType, actions: ActionSpace) -> String? {
    switch self {
    case .dqn(_, let network):
      guard actions.discreteCount != nil else {
        return "it takes discrete actions, found \(actions)"
      }
      guard network.inputByteCount == observationBytes else {
        return "it takes uint8 frames, found \(dtype.name)"
      }
      do { _ = try network.parameters() } catch { return error.description }
      return nil
    }
  }

  /// What a learner trains with. Its parameters are zero until they are imported.
  public func rule(batchMax: Int) throws(NetworkSpecError) -> any LearningRule {
    switch self {
    case .dqn(let configuration, let network):
      try DQNRule(spec: network, configuration: configuration, batchMax: batchMax)
    }
  }

  /// What actors and evaluators act with.
  public func policy(batchMax: Int) throws(NetworkSpecError) -> any Policy {
    switch self {
    case .dqn(_, let network): try QPolicy(spec: network, batchMax: batchMax)
    }
  }

  /// What its policy records with each step, beside observation, action and reward.
  public var recordedFields: [Field] {
    switch self {
    case .dqn: []
    }
  }

  /// Seeded parameters, with which a run begins.
  public func initialParameters(
    using generator: inout SeededGenerator
  ) throws(NetworkSpecError) -> [Float] {
    switch self {
    case .dqn(_, let network): try network.initialParameters(using: &generator)
    }
  }

  /// Updates between two milestones: publications that all learners must know, because their
  /// targets are copies of them. Nil if there are none.
  public var milestoneEvery: UInt64? {
    switch self {
    case .dqn(let configuration, _): configuration.milestoneEvery
    }
  }
}
