// The settings of the actor-critic.

/// Settings of an `ActorCriticRule`.
public struct ActorCriticConfiguration: Hashable, Sendable {
  /// What it shares with other algorithms over trajectories.
  public var trajectories: TrajectorySettings
  /// The correction for experience of older policies; nil takes all experience for the present
  /// policy's.
  public var vtrace: VTrace?

  public init(trajectories: TrajectorySettings = TrajectorySettings(), vtrace: VTrace? = VTrace()) {
    self.trajectories = trajectories
    self.vtrace = vtrace
  }
}
