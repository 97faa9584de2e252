// The settings of shared gradients.

public import Algorithms
public import Configuration
public import Foundations

/// How the server makes updates of gradients.
public struct GradientsConfiguration: Hashable, Sendable {
  /// Which gradients make one update.
  public enum Mode: Hashable, Sendable {
    /// Each by itself, when it arrives.
    case asynchronous
    /// As many learners' together as the quorum says.
    case synchronous(Quorum)
  }

  /// Which gradients make one update.
  public var mode: Mode
  /// The largest staleness of a gradient, in updates.
  public var maxStaleness: UInt64
  /// What becomes of a late gradient.
  public var late: AggregationConfiguration.Late
  /// Clipping, step size and optimizer.
  public var descent: GradientDescent
  /// A learner that has sent no gradient for this long is not waited for.
  public var silentAfter = Instant.Span.seconds(2)

  public init(
    mode: Mode, maxStaleness: UInt64 = 64, late: AggregationConfiguration.Late, descent: GradientDescent
  ) {
    self.mode = mode
    self.maxStaleness = maxStaleness
    self.late = late
    self.descent = descent
  }

  init(_ configuration: AggregationConfiguration, _ descent: GradientDescent) {
    self.init(
      mode: configuration.mode == .synchronous ? .synchronous(configuration.quorum) : .asynchronous,
      maxStaleness: configuration.maxStaleness, late: configuration.late, descent: descent)
  }
}
