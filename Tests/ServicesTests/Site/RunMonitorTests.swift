// Rates, and missing processes.

import Experience
import Foundations
import TestSupport
import Testing
import Wire

@testable import Services

@Suite struct RunMonitorTests {
  private typealias F = SiteFixtures

  private func actor(_ number: UInt64 = 1, uptime: Double, steps: Double, age_s: Double = 0) -> ProcessStatus
  {
    F.process(
      number, "actor", age_s: age_s,
      ["uptime_s": uptime, "env_steps_total": steps, "cpu_s_total": uptime / 4])
  }

  /// Late, repeated and bunched reports do not change rates, which use the process's own clock.
  @Test func ratesDoNotDependOnWhenReportsCome() {
    let monitor = F.monitor(
      (0, F.status([actor(uptime: 1, steps: 100)])), (1000, F.status([actor(uptime: 1, steps: 100)])),
      (2900, F.status([actor(uptime: 3, steps: 500)])), (2950, F.status([actor(uptime: 3.1, steps: 510)])))
    #expect(monitor.rate(.actor, .env_steps_total, now: .at(2950)) == 200)
    #expect(monitor.processes.first?.rates[.cpu_s_total] == 0.25)
    #expect(monitor.rate(.learner, .updates_total, now: .at(2950)) == nil)
    // A silent process has no rate.
    #expect(monitor.rate(.actor, .env_steps_total, now: .at(9000)) == nil)
  }

  @Test func totalsGoOnOverRestarts() {
    let monitor = F.monitor(
      (0, F.status([actor(1, uptime: 1, steps: 100)])), (1000, F.status([actor(1, uptime: 2, steps: 300)])),
      (2000, F.status([actor(2, uptime: 1, steps: 50)])), (3000, F.status([actor(2, uptime: 2, steps: 70)])))
    #expect(monitor.progress.envSteps == 370)
  }

  @Test func totalsOfForgottenIncarnationsStay() {
    var totals = CounterTotals(incarnationsMax: 3)
    for incarnation in 1...10 as ClosedRange<UInt64> {
      totals.record(
        [F.process(incarnation, "actor", ["episodes_total": 2])], service: .actor, counter: .episodes_total)
    }
    totals.record([F.process(10, "actor", ["episodes_total": 5])], service: .actor, counter: .episodes_total)
    #expect(totals.total(.actor, .episodes_total) == 23)
    totals.record(
      [F.process(11, "actor", ["episodes_total": .nan])], service: .actor, counter: .episodes_total)
    #expect(totals.total(.actor, .episodes_total) == 23)
  }

  /// The server forgets a silent process after ten seconds; the run's health must still show it.
  @Test func aLostProcessIsReported() {
    var monitor = F.monitor((0, F.status([actor(uptime: 1, steps: 1)])))
    monitor.observe(F.status([actor(uptime: 1, steps: 1, age_s: 2.9)]), saveProblem: nil, now: .at(2900))
    #expect(RunHealth(monitor, now: .at(2900)).healthy)
    monitor.observe(F.status([]), saveProblem: nil, now: .at(12_000))
    let health = RunHealth(monitor, now: .at(12_000))
    #expect(health.problems == ["actor-1: silent for 12 s; it has ended or hangs; see its log"])
    #expect(health.processes.map(\.state) == [.silent] && health.processes.first?.age_s == 12)
    monitor.observe(F.status([]), saveProblem: nil, now: .at(60_000))
    #expect(monitor.processes.isEmpty && RunHealth(monitor, now: .at(60_000)).healthy)
  }

  @Test func aSuccessorReplacesASilentProcess() {
    let old = F.process(1, "actor", age_s: 4)
    let monitor = F.monitor(
      (5000, F.status([old, F.process(2, "actor"), F.process(3, "learner", age_s: 4)])))
    #expect(monitor.processes.map(\.telemetry.id) == [3, 2].map { Fixtures.id($0).publicName })
  }

  @Test func aProcessThatSaidGoodbyeIsNotReported() {
    let monitor = F.monitor(
      (0, F.status([F.process(1, "actor")])), (1000, F.status([F.process(1, "actor", ["ended": 1])])),
      (9000, F.status([])))
    #expect(monitor.processes.isEmpty && RunHealth(monitor, now: .at(9000)).healthy)
  }

  @Test func anEvaluatorMayPlayLong() {
    let monitor = F.monitor((0, F.status([F.process(1, "evaluator")])), (30_000, F.status([])))
    #expect(RunHealth(monitor, now: .at(30_000)).healthy)
    #expect(!RunHealth(monitor, now: .at(60_000)).healthy)
  }

  @Test(arguments: [
    (
      ["diverged": 1.0], RunHealth.State.diverged,
      "x: diverged; restart it to resume from its last good checkpoint (`rookery restart learner`)" as String?
    ),
    (
      ["inserts_blocked_s": 11, "samples_blocked_s": 12], .blocked,
      "x: inserts and samples both blocked for 11 s; see the tables' rate_limiter"
    ),
    (["inserts_blocked_s": 100, "samples_blocked_s": 0], .up, nil),
    (["inserts_blocked_s": .infinity, "samples_blocked_s": .nan], .up, nil),
  ])
  func states(counters: [String: Double], state: RunHealth.State, problem: String?) {
    let monitor = F.monitor((0, F.status([F.process(1, "replay", "x", counters)])))
    let health = RunHealth(monitor, now: .at(0))
    #expect(health.processes.map(\.state) == [state])
    #expect(health.problems == (problem.map { [$0] } ?? []) && health.healthy == (problem == nil))
  }

  @Test func aServerThatCannotSaveIsFailing() {
    var monitor = F.monitor()
    monitor.observe(F.status([F.process(1, "parameters")]), saveProblem: "disk full", now: .at(0))
    let health = RunHealth(monitor, now: .at(0))
    #expect(health.processes.map(\.state) == [.failing])
    #expect(health.problems == ["parameters-1: cannot save the weights: disk full"])
  }

  @Test func processesAreInOrder() {
    let labels = ["actor-10", "actor-9", "learner-1", "zebra", "replay-1", "actor-1", "parameters-1"]
    let processes = labels.enumerated().map { index, label in
      F.process(UInt64(index), String(label.prefix { $0 != "-" }), label)
    }
    let monitor = F.monitor((0, F.status(processes)))
    let expected = ["parameters-1", "replay-1", "learner-1", "actor-1", "actor-9", "actor-10", "zebra"]
    #expect(monitor.processes.map(\.telemetry.label) == expected)
  }

  /// Hostile telemetry does no harm.
  @Test(arguments: Seeds.list(count: 20)) func hostileTelemetry(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed, part: "hostile telemetry")
    let values = [
      0, -1, 1, .nan, .infinity, -.infinity, 1e308, -1e308, Double.leastNonzeroMagnitude, 1e15, 12.5,
    ]
    let names = [
      "uptime_s", "cpu_s_total", "env_steps_total", "ended", "diverged", "steps", "capacity",
      "inserts_blocked_s",
      "samples_blocked_s", "resident_bytes", "weights_version", "update_to_action_p99_ms", "", "é\n\"\\",
    ]
    var monitor = RunMonitor(facts: F.facts, now: .at(0))
    var known: UInt64 = 0
    for step in 0..<60 {
      let processes = (0..<Int.random(in: 0...6, using: &generator)).map { _ in
        var counters: [String: Double] = [:]
        for name in names { counters[name] = values.randomElement(using: &generator) }
        return F.process(
          UInt64.random(in: 0...9, using: &generator),
          ["actor", "replay", "learner", "", "x\u{0}"].randomElement(using: &generator)!,
          age_s: [0, 3, 10, .nan, -1, 1e300].randomElement(using: &generator)!, counters)
      }
      let evaluations = values.prefix(Int.random(in: 0...5, using: &generator)).map { F.evaluation($0) }
      let status = F.status(
        processes, version: .random(in: 0...Limits.number, using: &generator), first: known,
        evaluations: evaluations)
      known += UInt64(evaluations.count)
      let now = Instant.at(Double(step) * 700)
      monitor.observe(status, saveProblem: nil, now: now)
      #expect(monitor.evaluationsKnown == known)
      #expect(
        !(try StatusDocument(monitor, incarnation: .zero, since: nil, now: now).json().isEmpty),
        "\(Seeds.replay(seed))")
      #expect(try RunHealth(monitor, now: now).json().last == UInt8(ascii: "}"))
      #expect(MetricsPage(monitor, now: now).text.hasSuffix("\n"))
    }
  }
}
