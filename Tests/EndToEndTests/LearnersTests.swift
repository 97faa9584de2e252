// Several learners that are stopped, killed and scaled while the run goes on.

import Foundation
import Foundations
import Glibc
import Numerics
import Services
import Testing
import Wire

@Suite struct LearnersTests {
  /// A learner that stands still in the middle of an update, one that is killed, learners that
  /// come and go, and a killed server: the others go on, nothing is refused, and no weight is
  /// NaN.
  @Test(arguments: [
    ["aggregation.kind=averaging"],
    ["aggregation.kind=gradients", "aggregation.max_staleness=4"],
    ["aggregation.kind=gradients", "aggregation.mode=synchronous"],
  ])
  func goOnWithoutEachOther(aggregation: [String]) throws {
    let run = try LiveRun(try Workspace(), settings: aggregation + ["learner.replicas=2"])
    func command(_ arguments: String...) throws {
      let ended = try Program.run(arguments, in: run.workspace)
      #expect(ended.code == 0, "\(ended.errors)")
    }
    try run.started()
    try run.status("changes of both learners") { $0.contributing() == 2 }

    let second = try #require(run.processes.first { $0.service == "learner" && $0.replica == "2" })
    #expect(Glibc.kill(second.pid, SIGSTOP) == 0)
    // Gradients that wait for it are answered after 2 s.
    try run.progress("while a learner stands still")
    #expect(Glibc.kill(second.pid, SIGKILL) == 0)
    try run.progress("after the kill of a learner")
    try run.status("the killed learner's successor") { $0.contributing() == 2 }

    try command("scale", "learner=3")
    try run.status("changes of three learners") { $0.contributing() == 3 }
    try command("scale", "learner=1")
    try run.progress("with one learner")

    let server = try #require(run.process("parameters"))
    #expect(Glibc.kill(server.pid, SIGKILL) == 0)
    try run.status("another parameter server") { status in
      status.telemetry("parameters").contains { $0.counters["pid"] != Double(server.pid) }
    }
    try run.progress("after the kill of the parameter server")
    let last = try run.status("counters") { !$0.telemetry("parameters").isEmpty }
    #expect(last.counter("parameters", "changes_refused_total") == 0)
    #expect(last.counter("learner", "answers_doubted_total") == 0)
    for (before, after) in zip(run.versions, run.versions.dropFirst()) { #expect(after >= before) }
    #expect(try run.end().code == 1)
    let weights = try SafetensorsFile(path: "\(run.folder)/checkpoints/learner-1.safetensors")
    for entry in weights.entries { #expect(try weights.floats(entry.name).allSatisfy(\.isFinite)) }
  }
}

extension Status {
  /// Learners that are there and have changed the weights.
  fileprivate func contributing() -> Int {
    processes.filter { process in
      process.age_s < 1 && process.telemetry.service == "learner"
        && process.telemetry.counters["changes_merged_total"] ?? 0 > 2
    }.count
  }
}
