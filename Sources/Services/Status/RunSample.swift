// A second of a run.

/// A second of a run: what `--json` prints and `metrics.jsonl` keeps.
public struct RunSample: Codable, Sendable {
  public var seconds: Double
  public var envSteps: Double
  public var envStepsPerSecond: Double
  public var insertsPerSecond: Double
  public var replaySteps: Double
  public var replayCapacity: Double
  public var batchesPerSecond: Double
  public var updates: Double
  public var updatesPerSecond: Double
  public var weightsVersion: Double
  public var stalenessVersions: Double
  public var learnerWaitingShare: Double
  public var updateToActionP99_ms: Double
  public var actors: Int
  public var meanReturn: Double?
}
