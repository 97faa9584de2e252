// What a run is, as its page and its metrics say it.

internal import Configuration

struct RunFacts: Sendable {
  var name: String
  var environment: String
  var algorithm: String
  /// Mean return at which it counts as solved.
  var threshold: Double?
  /// What confirms it.
  var criterion: SolvedCriterion
  /// How often processes report.
  var reportEvery_s: Double
  /// What the learning rule's metrics mean, by name.
  var ruleHelp: [String: String] = [:]

  init(_ run: RunConfiguration) {
    name = run.name
    environment = run.environment.id
    algorithm = run.algorithm.name.rawValue
    threshold = run.evaluator.threshold
    criterion = SolvedCriterion(run.evaluator)
    reportEvery_s = run.telemetry.intervalMilliseconds / 1000
    ruleHelp = Dictionary(uniqueKeysWithValues: run.algorithm.measured.map { ($0.name, $0.help) })
  }

  init(name: String, environment: String, algorithm: String, threshold: Double?, reportEvery_s: Double = 1) {
    self.name = name
    self.environment = environment
    self.algorithm = algorithm
    self.threshold = threshold
    criterion = SolvedCriterion(threshold: threshold, episodes: 1)
    self.reportEvery_s = reportEvery_s
  }
}
