// The whole configuration of one run.

/// Every value that configures a run, one property per section of a file of `config/`.
///
/// Each value starts at its default; `docs/CONFIGURATION.md` describes every key.
public struct RunConfiguration: Hashable, Sendable {
  /// Name of the run and of its folder under `runs/`; by default the configuration file's name.
  public var name = "run"
  /// The seed of every random generator of the run.
  public var seed: UInt64 = 1
  public var environment = EnvironmentConfiguration()
  public var algorithm = AlgorithmConfiguration()
  public var aggregation = AggregationConfiguration()
  public var actor = ActorConfiguration()
  public var learner = LearnerConfiguration()
  public var replay = ReplayConfiguration()
  public var evaluator = EvaluatorConfiguration()
  public var stop = StopConfiguration()
  public var telemetry = TelemetryConfiguration()

  public init() {}
}

extension RunConfiguration {
  /// Items that one sample request asks for.
  public var itemsPerRequest: Int { algorithm.batch * learner.batchesPerRequest }
}

extension Int {
  /// The sum, or the largest integer where it does not fit.
  func addingSaturating(_ other: Int) -> Int {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? (other < 0 ? .min : .max) : sum
  }
}
