// The processes that train.

/// `learner`: how many there are, how they sample, and how often they save.
public struct LearnerConfiguration: Hashable, Sendable {
  /// Learner processes; 0 if they are all started by hand.
  public var replicas = 1
  /// The table that they sample from.
  public var table = "experience"
  /// Unanswered sample requests, which hide the latency of an answer.
  public var samplesInFlight = 4
  /// Batches in one request: small networks train faster than messages travel.
  public var batchesPerRequest = 1
  /// Time between two checkpoints.
  public var checkpointIntervalSeconds = 5.0
  /// Most updates a second; 0 sets no limit.
  public var updatesPerSecondMax = 0.0

  public init() {}
}

extension LearnerConfiguration {
  /// - Parameter algorithm: gives defaults.
  mutating func read(_ reader: inout ConfigurationReader, algorithm: AlgorithmConfiguration) {
    // Items that wait at the learner grow old.
    if reader.choosesAlgorithm, algorithm.consumesItems { samplesInFlight = 1 }
    reader.integer("replicas", &replicas, 0...1000)
    reader.string("table", &table, expected: "a table's name") { ReplayTableConfiguration.isName($0) }
    reader.integer("samples_in_flight", &samplesInFlight, 1...256)
    reader.integer("batches_per_request", &batchesPerRequest, 1...64)
    reader.double("checkpoint_interval_s", &checkpointIntervalSeconds, .from(0.1, to: 86_400))
    reader.double("updates_per_second_max", &updatesPerSecondMax, .atLeast(0))
  }
}
