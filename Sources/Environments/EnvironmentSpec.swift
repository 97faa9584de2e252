// The facts about an environment.

public import Experience

/// The facts about an environment that networks, schemas and evaluations need.
public struct EnvironmentSpec: Hashable, Sendable {
  /// Gymnasium's id, for example `CartPole-v1`.
  public var id: String
  /// The shape of one observation, for example `[4]` or `[84, 84]`.
  public var observationShape: [Int]
  /// The element type of observations.
  public var observationType: DType
  /// The actions that it accepts.
  public var actions: ActionSpace
  /// Steps after which an episode is truncated; nil if the environment has no time limit.
  public var maxEpisodeSteps: Int?
  /// The mean return at which Gymnasium calls the environment solved; nil if it names none.
  public var rewardThreshold: Float?

  public init(
    id: String, observationShape: [Int], observationType: DType = .float32, actions: ActionSpace,
    maxEpisodeSteps: Int? = nil, rewardThreshold: Float? = nil
  ) {
    self.id = id
    self.observationShape = observationShape
    self.observationType = observationType
    self.actions = actions
    self.maxEpisodeSteps = maxEpisodeSteps
    self.rewardThreshold = rewardThreshold
  }

  /// Elements of one observation.
  public var observationElementCount: Int { observationShape.reduce(1, *) }
  /// Bytes of one observation.
  public var observationByteCount: Int { observationElementCount * observationType.byteCount }
}
