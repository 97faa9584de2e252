// Statuses and monitors for the tests of the site.

import Experience
import Foundations
import Wire

@testable import Services

enum SiteFixtures {
  static let facts = RunFacts(name: "test", environment: "CartPole-v1", algorithm: "dqn", threshold: 475)

  static func process(
    _ number: UInt64, _ service: String, _ label: String? = nil, age_s: Double = 0,
    _ counters: [String: Double] = [:]
  ) -> ProcessStatus {
    ProcessStatus(
      telemetry: ShownTelemetry(
        id: Fixtures.id(number).publicName, service: service, label: label ?? "\(service)-1",
        counters: counters),
      age_s: age_s)
  }

  static func process(_ number: UInt64, _ service: String, _ counters: [String: Double]) -> ProcessStatus {
    process(number, service, nil, counters)
  }

  static func status(
    _ processes: [ProcessStatus], version: UInt64 = 1, updates: UInt64 = 0, first: UInt64 = 0,
    evaluations: [Evaluation] = []
  ) -> Status {
    Status(
      incarnation: Fixtures.id(1), version: version, updates: updates, processes: processes,
      firstEvaluation: first,
      evaluations: evaluations)
  }

  static func evaluation(_ mean: Double, kind: EvaluationKind = .regular, isSolved: Bool = false)
    -> Evaluation
  {
    Evaluation(
      kind: kind, version: 7, updates: 9, episodes: 20, meanReturn: mean, minReturn: mean - 5,
      maxReturn: mean + 5,
      isSolved: isSolved)
  }

  static func monitor(_ statuses: (ms: Double, Status)...) -> RunMonitor {
    var monitor = RunMonitor(facts: facts, now: .at(0))
    for (ms, status) in statuses { monitor.observe(status, saveProblem: nil, now: .at(ms)) }
    return monitor
  }
}
