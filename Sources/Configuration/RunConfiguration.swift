// The whole configuration of one run.

/// Everything that a run can be told: one file of `config/` after all layers, checked.
///
/// Each value starts at its default; `docs/CONFIGURATION.md` says what every key means.
public struct RunConfiguration: Hashable, Sendable {
  /// Name of the run and of its folder under `runs/`; without one, the configuration file's name.
  public var name = "run"
  /// Every generator of the run derives from it.
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
  /// Most items that one message can complete: its steps, and the items that earlier steps of each environment left open
  /// (an episode's end completes up to n of them with one step).
  public var itemsPerMessage: Int {
    let (open, overflow) = actor.environments.multipliedReportingOverflow(by: algorithm.nStep)
    return overflow ? .max : actor.messageSteps.addingSaturating(open)
  }

  /// Items that one sample request asks for.
  public var itemsPerRequest: Int { algorithm.batch * learner.batchesPerRequest }

  /// Smallest half range of the rate limiter with which it cannot deadlock: max(batch, SPI × items a message).
  ///
  /// An insert of k items moves the error up by SPI·k, a sample of B down by B. Both are blocked at once only if the range
  /// is narrower than B + SPI·k; and the first inserts, up to the minimum size, need SPI·k above the middle.
  public var errorBufferMin: Double {
    let perMessage = replay.rateLimiter.samplesPerInsert * Double(itemsPerMessage)
    return max(Double(itemsPerRequest), perMessage)
  }

  /// The rate limiter's half range in use: the configured one, or, where that is 0, one that cannot deadlock, takes the
  /// requests that learners keep in flight, and is at least a tenth of SPI × minimum size.
  public var errorBuffer: Double {
    let limiter = replay.rateLimiter
    if limiter.errorBuffer > 0 { return limiter.errorBuffer }
    let requests = Double(learner.samplesInFlight) * Double(max(1, learner.replicas))
    let inFlight = Double(itemsPerRequest) * requests
    return max(errorBufferMin, inFlight, 0.1 * limiter.samplesPerInsert * Double(limiter.minSize))
  }
}

extension Int {
  /// The sum, or the largest integer where it does not fit.
  func addingSaturating(_ other: Int) -> Int {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? (other < 0 ? .min : .max) : sum
  }
}
