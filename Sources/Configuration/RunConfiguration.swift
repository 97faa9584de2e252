// The whole configuration of one run.

/// Every value that configures a run, one property per section of a file of `config/`.
///
/// Each value starts at its default; `docs/CONFIGURATION.md` describes every key.
public struct RunConfiguration: Hashable, Sendable {
  /// Name of the run and of its folder under `runs/`; by default the configuration file's name.
  public var name = "run"
  /// The seed of every random generator of the run.
  public var seed: UInt64 = 1
  /// The environment of actors and evaluator.
  public var environment = EnvironmentConfiguration()
  /// The learning rule, its network and its optimizer.
  public var algorithm = AlgorithmConfiguration()
  /// How the learners' deltas are merged.
  public var aggregation = AggregationConfiguration()
  /// The processes that step environments.
  public var actor = ActorConfiguration()
  /// The processes that train.
  public var learner = LearnerConfiguration()
  /// The service that stores experience.
  public var replay = ReplayConfiguration()
  /// The evaluator, and the return at which the run is solved.
  public var evaluator = EvaluatorConfiguration()
  /// What is recorded.
  public var recorder = RecorderConfiguration()
  /// The recording that is played.
  public var player = PlayerConfiguration()
  /// Limits at which the run ends unsolved.
  public var stop = StopConfiguration()
  /// The reports of every process.
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
