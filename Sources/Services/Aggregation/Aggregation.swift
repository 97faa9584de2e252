// How several learners make one set of weights.

public import Configuration

/// The one place that switches over the kinds of aggregation. Each kind is a folder here and a
/// case: its learner's side and its server's side, which belong together.
public enum Aggregation: Sendable {
  /// Each learner trains locally; its delta is merged.
  case averaging(AggregationConfiguration.Mode, outer: OuterConfiguration = OuterConfiguration())

  public init(_ configuration: AggregationConfiguration) {
    switch configuration.kind {
    case .averaging: self = .averaging(configuration.mode, outer: configuration.outer)
    }
  }

  /// The learner's side.
  func aggregator() -> any Aggregator {
    switch self {
    case .averaging: AveragingAggregator()
    }
  }

  /// The server's side.
  func merger(parameters count: Int) -> any Merger {
    switch self {
    case .averaging(let mode, let outer):
      AveragingMerger(mode: mode, outer: OuterStep(outer), parameters: count)
    }
  }
}
