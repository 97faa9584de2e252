// The process that measures the newest weights.

/// `evaluator`: greedy episodes, and the return at which the run is solved.
public struct EvaluatorConfiguration: Hashable, Sendable {
  /// Whether `rookery run` starts an evaluator.
  public var enabled = true
  /// Episodes of one evaluation.
  public var episodes = 20
  /// Shortest time between the starts of two evaluations.
  public var intervalMilliseconds = 250.0
  /// Mean return at which an evaluation is confirmed; nil: the run has no criterion.
  public var threshold: Double?
  /// Fresh episodes of a confirmation.
  public var confirmEpisodes = 100
  /// Mean return of a confirmation that solves the run; nil: `threshold`.
  public var confirmThreshold: Double?

  public init() {}
}

extension EvaluatorConfiguration {
  mutating func read(_ reader: inout ConfigurationReader) {
    reader.bool("enabled", &enabled)
    reader.integer("episodes", &episodes, 1...100_000)
    reader.double("interval_ms", &intervalMilliseconds, .from(0, to: 86_400_000))
    reader.optionalDouble("threshold", &threshold)
    reader.integer("confirm_episodes", &confirmEpisodes, 1...100_000)
    reader.optionalDouble("confirm_threshold", &confirmThreshold)
  }
}
