// How far a run had come before it was resumed.

internal import Services
internal import Wire

/// Read from what the run recorded; nothing for a new run. After a death of `rookery run` the last second may be missing.
struct EarlierSessions {
  var seconds = 0.0
  var envSteps = 0.0
  /// As the parameter server kept them, with the weights' version.
  var updates = 0.0
  var version: UInt64 = 0
  var evaluations: [(seconds: Double, evaluation: Evaluation)] = []

  init() {}

  init(_ folder: RunFolder, kept: KeptRun) {
    struct Place: Decodable {
      var seconds: Double
      var envSteps: Double
    }
    let records = JSON.objects(EvaluationRecord.self, in: folder.file("evaluations.jsonl")).objects
    evaluations = records.filter { $0.kind == EvaluationRecord.regular }.map { ($0.seconds, $0.evaluation) }
    let places =
      JSON.objects(Place.self, in: folder.file("metrics.jsonl")).objects
      + records.map { Place(seconds: $0.seconds, envSteps: $0.envSteps ?? 0) }
    seconds = places.map(\.seconds).filter(\.isFinite).max() ?? 0
    envSteps = places.map(\.envSteps).filter(\.isFinite).max() ?? 0
    updates = Double(kept.updates)
    version = kept.version
  }
}
