// The settings of algorithms over trajectories.

public import Foundations

/// What `actor-critic` and `policy-gradient` have in common.
public struct TrajectoryConfiguration: Hashable, Sendable {
  /// T: steps of a trajectory. Its table's items have T + 1.
  public var steps = 20
  /// Multiplies all rewards that are trained on.
  public var rewardScale = 1.0
  /// The weight of the value's loss.
  public var valueCost = 0.5
  /// The weight of the policy's entropy, which the loss subtracts.
  public var entropyCost: Schedule = 0.01

  public init() {}
}

/// `algorithm.vtrace`: the correction for experience of older policies (Espeholt et al. 2018).
public struct VTraceConfiguration: Hashable, Sendable {
  /// Whether it is on; off, all experience counts as the present policy's.
  public var enabled = true
  /// ρ̄: the largest ratio in an error.
  public var rhoMax = 1.0
  /// c̄: the largest ratio in a trace.
  public var cMax = 1.0
  /// λ of the traces.
  public var lambda = 1.0

  public init() {}
}

/// `algorithm.gae`: generalised advantage estimation (Schulman et al. 2016).
public struct GAEConfiguration: Hashable, Sendable {
  /// λ: 1 is the return minus the baseline, 0 the one-step error.
  public var lambda = 0.95
  /// Whether a batch's advantages get mean 0 and standard deviation 1.
  public var normalize = false

  public init() {}
}

extension TrajectoryConfiguration {
  mutating func read(_ reader: inout ConfigurationReader) {
    reader.integer("trajectory_steps", &steps, 1...65_534)
    reader.double("reward_scale", &rewardScale, .above(0, upTo: 1e6))
    reader.double("value_cost", &valueCost, .atLeast(0))
    reader.schedule("entropy_cost", &entropyCost, .atLeast(0))
  }
}

extension VTraceConfiguration {
  mutating func read(_ reader: inout ConfigurationReader) {
    reader.bool("enabled", &enabled)
    reader.double("rho_max", &rhoMax, .above(0, upTo: 1e6))
    reader.double("c_max", &cMax, .from(0, to: 1e6))
    reader.double("lambda", &lambda, .from(0, to: 1))
  }
}

extension GAEConfiguration {
  mutating func read(_ reader: inout ConfigurationReader) {
    reader.double("lambda", &lambda, .from(0, to: 1))
    reader.bool("normalize", &normalize)
  }
}
