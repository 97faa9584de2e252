// How several learners make one set of weights.

public import Algorithms
public import Configuration
internal import Experience

/// The one place that switches over the kinds of aggregation. Each kind is a folder here and a
/// case: its learner's side and its server's side, which belong together.
public enum Aggregation: Sendable {
  /// Each learner trains locally; its delta is merged.
  case averaging(AggregationConfiguration.Mode, outer: OuterConfiguration = OuterConfiguration())
  /// The server owns the optimizer; learners send gradients.
  case gradients(GradientsConfiguration)

  public init(_ configuration: AggregationConfiguration, _ descent: GradientDescent) {
    switch configuration.kind {
    case .averaging: self = .averaging(configuration.mode, outer: configuration.outer)
    case .gradients: self = .gradients(GradientsConfiguration(configuration, descent))
    }
  }

  /// The learner's side.
  func aggregator() -> any Aggregator {
    switch self {
    case .averaging: AveragingAggregator()
    case .gradients: GradientsAggregator()
    }
  }

  /// The server's side.
  /// - Parameter incarnation: the server's.
  func merger(parameters count: Int, incarnation: Identifier) -> any Merger {
    switch self {
    case .averaging(let mode, let outer):
      AveragingMerger(mode: mode, outer: OuterStep(outer), parameters: count)
    case .gradients(let configuration):
      GradientsMerger(configuration, parameters: count, incarnation: incarnation)
    }
  }
}
