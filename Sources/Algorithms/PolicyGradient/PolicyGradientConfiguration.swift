// The settings of the policy gradient.

/// Settings of a `PolicyGradientRule`.
public struct PolicyGradientConfiguration: Hashable, Sendable {
  /// What it shares with other algorithms over trajectories.
  public var trajectories: TrajectorySettings
  /// How advantages are estimated.
  public var gae: GAE
  /// Whether a batch's advantages are shifted and scaled to mean 0 and standard deviation 1.
  public var normalizesAdvantages: Bool

  public init(
    trajectories: TrajectorySettings = TrajectorySettings(), gae: GAE = GAE(),
    normalizesAdvantages: Bool = false
  ) {
    self.trajectories = trajectories
    self.gae = gae
    self.normalizesAdvantages = normalizesAdvantages
  }
}
