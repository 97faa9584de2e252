// kill -9 in the middle of a run.

import Foundation
import Foundations
import Glibc
import Numerics
import Testing
import Wire

@Suite struct RestartTests {
  /// Kills a service and waits until its next incarnation reports. Returns the seconds until then.
  @discardableResult
  private func kill(_ service: String, of run: LiveRun) throws -> Double {
    let victim = try #require(run.process(service))
    let before = try run.status("before the kill of \(service)") { !$0.telemetry(service).isEmpty }
    let known = Set(before.telemetry(service).map(\.id))
    let killedAt = SystemClock.now()
    #expect(Glibc.kill(victim.pid, SIGKILL) == 0)
    try run.status("another incarnation of \(service)") { status in
      status.telemetry(service).contains { !known.contains($0.id) }
    }
    let seconds = (SystemClock.now() - killedAt).seconds
    let successor = try #require(
      run.processes.first { $0.service == service && $0.replica == victim.replica && $0.pid != victim.pid })
    #expect(successor.variables["ROOKERY_BIND_HOST"] == victim.variables["ROOKERY_BIND_HOST"])
    try run.progress("after the kill of \(service)")
    print("restart of \(service): \((seconds * 100).rounded() / 100) s to its first report")
    return seconds
  }

  private func expectRisingVersions(_ run: LiveRun) {
    for (before, after) in zip(run.versions, run.versions.dropFirst()) { #expect(after >= before) }
    #expect(run.versions.count > 2)
  }

  /// The actors and the replay are not restarted: every acknowledged message is stored once.
  @Test func learnerServerAndEvaluator() throws {
    let run = try LiveRun(try Workspace())
    try run.started()

    let checkpoint = try eventually("a checkpoint") {
      (try? SafetensorsFile(path: "\(run.folder)/checkpoints/learner-1.safetensors"))
        .flatMap { $0.metadata["updates"] }.flatMap { Int($0) }
    }
    try kill("learner", of: run)
    let resumed = try #require(Text.number(before: " updates from", in: run.log("learner-1")))
    #expect(resumed >= checkpoint)
    try run.status("updates beyond the checkpoint") { status in
      status.telemetry("learner").contains { $0.counters["updates_total"] ?? 0 > Double(resumed) }
    }

    let before = try run.status("before the server's death") { _ in true }
    try kill("parameters", of: run)
    let restored = try #require(
      run.log("parameters-1").split(separator: "\n").last { $0.contains("listening") }?
        .split(separator: " ").last.flatMap { UInt64($0) })
    #expect(restored >= before.version && before.version > 1)

    try kill("evaluator", of: run)

    let ended = try run.end()
    #expect(ended.code == 1)
    expectRisingVersions(run)
    let summary = try run.summary()
    #expect(summary["outcome"] as? String == "interrupted")
    #expect(summary["restarts"] as? Int == 3)
    try expectNothingLostOrDoubled(run)
  }

  private func expectNothingLostOrDoubled(_ run: LiveRun) throws {
    let stored = try #require(Text.number(before: " messages", in: run.log("replay-1")))
    var (acknowledged, open) = (0, 0)
    for actor in ["actor-1", "actor-2"] {
      let log = run.log(actor)
      acknowledged += try #require(Text.number(before: " acknowledged", in: log))
      open += try #require(Text.number(before: " unacknowledged", in: log))
      #expect(Text.number(before: " dropped", in: log) == 0)
    }
    #expect(acknowledged > 10)
    #expect(stored >= acknowledged, "an acknowledged message was lost")
    #expect(stored <= acknowledged + open, "a message was stored twice")
    print("messages: \(stored) stored, \(acknowledged) acknowledged, \(open) open at the end")
  }

  @Test func anActor() throws {
    let run = try LiveRun(try Workspace(), settings: ["stop.updates=1500"])
    let before = try run.started()
    let replay = try #require(run.process("replay"))
    let messages = before.counter("actor", "messages_committed_total")
    try kill("actor", of: run)
    let after = try run.status("two actors and the replay") { $0.telemetry("actor").count >= 2 }
    // The replay still counts the killed actor's acknowledged messages.
    #expect(after.counter("replay", "messages_committed_total") >= messages)
    #expect(run.process("replay") == replay)
    let ended = try run.command.end()
    #expect(ended.code == 0)
    #expect(ended.output.contains("actor-1 ended (SIGKILL); it starts again"))
    let summary = try run.summary()
    #expect(summary["outcome"] as? String == "finished" && summary["restarts"] as? Int == 1)
    let last = try #require(try Text.objects(Text.read("\(run.folder)/metrics.jsonl")).last)
    #expect((last["envSteps"] as? Double ?? 0) >= before.counter("actor", "env_steps_total"))
    expectRisingVersions(run)
  }

  /// CartPole is solved although an actor, the learner and the parameter server are killed once
  /// each.
  @Test(.enabled(if: Program.runsLongTests, "ROOKERY_LONG_TESTS is not set"), arguments: 1...3)
  func stillSolves(_ seed: Int) throws {
    let run = try LiveRun(
      try Workspace(), base: ["telemetry.interval_ms=50"], arguments: ["--seed", "\(seed)"])
    try run.started()
    for service in ["actor", "learner", "parameters"] {
      let victim = try #require(run.process(service))
      #expect(Glibc.kill(victim.pid, SIGKILL) == 0)
      try eventually("another \(service)") {
        run.processes.contains {
          $0.service == service && $0.replica == victim.replica && $0.pid != victim.pid
        }
      }
    }
    let ended = try run.command.end(within: 180)
    #expect(ended.code == 0, "\(ended.output.suffix(800))")
    let summary = try run.summary()
    #expect(summary["solved"] as? Bool == true && summary["restarts"] as? Int == 3)
    print("solved with three kills, seed \(seed): \(summary["seconds"] ?? 0) s")
  }

  /// A killed replay loses its memory: actors fill the new one, and the learner goes on.
  @Test func theReplay() throws {
    let run = try LiveRun(try Workspace())
    try run.started()
    try kill("replay", of: run)
    let status = try run.status("a replay that serves again") { status in
      status.telemetry("replay").contains {
        $0.counters["uptime_s"] ?? 0 > 0 && $0.counters["batches_served_total"] ?? 0 > 0
          && $0.counters["steps"] ?? 0 >= 200
      }
    }
    #expect(status.telemetry("actor").contains { $0.counters["service_restarts_total"] == 1 })
    #expect(try run.end().code == 1)
    expectRisingVersions(run)
  }
}
