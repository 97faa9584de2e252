// A bound on staleness, with processes that are stopped and killed.

import Foundation
import Foundations
import Glibc
import Services
import Testing
import Wire

@Suite struct BoundedStalenessTests {
  private static let settings = [
    "algorithm.hidden=[16]", "telemetry.interval_ms=50", "evaluator.threshold=null",
    "evaluator.confirm_threshold=null", "evaluator.episodes=2", "learner.checkpoint_interval_s=0.1",
    "stop.seconds=300",
  ]

  /// On-policy training by two learners and two actors. An actor that stands still, and each
  /// service killed in turn: the run goes on each time, and nothing is ever trained on that other
  /// weights acted.
  @Test func nothingStaleIsTrainedOnWhateverIsKilled() throws {
    let run = try LiveRun(
      try Workspace(), config: "config/cartpole-policy-gradient.yaml", base: Self.settings)
    try run.started()

    let actor = try #require(run.process("actor"))
    #expect(Glibc.kill(actor.pid, SIGSTOP) == 0)
    // Its grant ends after 2 s.
    try progress(run, "while an actor stands still")
    #expect(Glibc.kill(actor.pid, SIGCONT) == 0)
    try progress(run, "after it has gone on")

    for service in ["actor", "learner", "replay", "parameters"] {
      let process = try #require(run.process(service))
      #expect(Glibc.kill(process.pid, SIGKILL) == 0)
      try run.status("another \(service)") { status in
        check(status)
        return !status.processes.contains {
          $0.age_s < 0.5 && $0.telemetry.counters["pid"] == Double(process.pid)
        }
          && status.processes.contains { $0.age_s < 0.5 && $0.telemetry.service == service }
      }
      try progress(run, "after the kill of the \(service)")
    }
    #expect(try run.end().code == 1)
    let trained = try Text.objects(Text.read("\(run.folder)/metrics.jsonl"))
      .map { ($0["stalenessBound"] as? Double, $0["trainedStalenessMax"] as? Double) }
    #expect(trained.contains { $0.0 == 0 } && trained.allSatisfy { $0.1 == 0 }, "\(trained)")
  }

  private func progress(_ run: LiveRun, _ what: String) throws {
    let before = try run.status("\(what): any") { _ in true }
    try run.status("\(what): progress") { status in
      check(status)
      return status.version > before.version + 20
        && status.telemetry("learner").filter { $0.counters["updates_total"] ?? 0 > 5 }.count >= 2
    }
  }

  private func check(_ status: Status) {
    for learner in status.telemetry("learner") {
      let largest = learner.counters["trained_staleness_max"] ?? 0
      #expect(largest == 0, "\(learner.label) trained on experience \(largest) versions old")
    }
  }
}
