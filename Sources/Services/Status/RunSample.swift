// A sample of a run's progress.

/// A sample of a run's progress: a line of `--json` and of `metrics.jsonl`, whose keys are these
/// names. Rates are means since the sample before.
public struct RunSample: Codable, Sendable {
  /// Since the run's start, without the pauses between sessions.
  public var seconds: Double
  /// Actions taken by all actors.
  public var envSteps: Double
  /// Actions per second, of all actors.
  public var envStepsPerSecond: Double
  /// Items that the replay stored per second, in all tables.
  public var insertsPerSecond: Double
  /// Steps that all shards hold.
  public var replaySteps: Double
  /// Steps that all shards can hold.
  public var replayCapacity: Double
  /// Batches that learners received per second.
  public var batchesPerSecond: Double
  /// Updates in the weights.
  public var updates: Double
  /// Updates per second, of all learners.
  public var updatesPerSecond: Double
  /// The newest published version.
  public var weightsVersion: Double
  /// Mean over learners; 0 while none reports it.
  public var stalenessVersions: Double
  /// Staleness of the rows that were trained on since the learners' start: mean over learners.
  public var trainedStalenessMean: Double
  /// The largest of the learners' 99th percentiles.
  public var trainedStalenessP99: Double
  /// The largest of all rows.
  public var trainedStalenessMax: Double
  /// `replay.max_staleness`; nil without a bound.
  public var stalenessBound: Double?
  /// Actors that wait for leave to act because of the bound: of the shard where most do.
  public var actorsWaiting: Double
  /// Fraction of their time that learners wait for batches, mean over learners, 0…1.
  public var learnerWaitingShare: Double
  /// From an update to the first action with it, of the slowest actor; 0 while none reports it.
  public var updateToActionP99_ms: Double
  /// Actors that report.
  public var actors: Int
  /// Mean return of the last regular evaluation; nil before the first.
  public var meanReturn: Double?
}
