// The facts about a run that its page and metrics show.

internal import Configuration

struct RunFacts: Sendable {
  var name: String
  var environment: String
  var algorithm: String
  /// The mean return at which the run counts as solved; nil if there is none.
  var threshold: Double?
  /// What confirms that it is solved.
  var criterion: SolvedCriterion
  /// The interval between a process's reports.
  var reportEvery_s: Double
  /// The meaning of the learning rule's metrics, by name.
  var ruleHelp: [String: String] = [:]

  init(_ run: RunConfiguration) {
    name = run.name
    environment = run.environment.id
    algorithm = run.algorithm.name.rawValue
    threshold = run.evaluator.threshold
    criterion = SolvedCriterion(run.evaluator)
    reportEvery_s = run.telemetry.intervalMilliseconds / 1000
    ruleHelp = Dictionary(uniqueKeysWithValues: run.algorithm.metricDescriptions.map { ($0.name, $0.help) })
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
