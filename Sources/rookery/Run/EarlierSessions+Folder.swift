// Reads a run's progress from its folder.

internal import Console
internal import Services
internal import Wire

extension EarlierSessions {
  /// Reads the run's records; the last second may be missing if `rookery run` was killed.
  init(_ folder: RunFolder, kept: KeptRun) {
    self.init()
    struct Place: Decodable {
      var seconds: Double
      var envSteps: Double
    }
    let records = JSON.objects(EvaluationRecord.self, in: folder.file("evaluations.jsonl")).objects
    evaluations = records.filter { $0.kind == EvaluationRecord.regular }.map { ($0.seconds, $0.evaluation) }
    let places =
      JSON.objects(Place.self, in: folder.file("metrics.jsonl")).objects
      + records.map { Place(seconds: $0.seconds, envSteps: $0.envSteps ?? 0) }
    seconds = places.map(\.seconds).filter(Self.isPlausible).max() ?? 0
    envSteps = places.map(\.envSteps).filter(Self.isPlausible).max() ?? 0
    updates = Double(kept.updates)
    version = kept.version
  }

  /// Whether it is exact in a `Double` and cannot overflow a clock.
  private static func isPlausible(_ value: Double) -> Bool { (0...0x1p53).contains(value) }
}
