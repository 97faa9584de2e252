// A run in which each learner has a replay shard of its own.

import Foundation
import Foundations
import Services
import Testing
import Wire

@Suite struct PoolTests {
  /// Learners are added and killed, and shards are added: each learner has a shard as long as there
  /// are enough, the actors are at shards with a learner, and a learner without a shard says so.
  @Test func learnersAndShardsFindEachOther() throws {
    let run = try LiveRun(
      try Workspace(),
      settings: [
        "replay.binding=own", "replay.replicas=2", "actor.replicas=2", "evaluator.enabled=false",
        "learner.updates_per_second_max=100",
      ])
    // The learner of the second shard is started by hand, so that it is not started again.
    try run.status("the first learner with the first shard") { $0.shards(of: "learner") == ["learner-1": 1] }
    let hand = try learner(of: run)
    defer { _ = try? hand.kill() }
    try run.status("a shard and an actor for each of two learners") {
      $0.shards(of: "learner") == ["learner-1": 1, "learner-2": 2]
        && $0.shards(of: "actor") == ["actor-1": 1, "actor-2": 2] && $0.counters("has_learner") == [1, 1]
    }
    let before = try run.status("experience in both pools") { $0.counters("samples_total").min() ?? 0 > 0 }
    try run.status("each pool goes on") { status in
      zip(status.counters("samples_total"), before.counters("samples_total")).allSatisfy { $0 > $1 + 100 }
    }

    try hand.send(SIGKILL)
    try run.status("both actors at the shard that has a learner") {
      $0.shards(of: "actor") == ["actor-1": 1, "actor-2": 1] && $0.counters("has_learner") == [1, 0]
    }
    #expect(run.log("actor-2").contains("refused") == false)

    try command(run, "scale", "learner=3")
    try run.status("the actor is back") { $0.shards(of: "actor") == ["actor-1": 1, "actor-2": 2] }
    try eventually("that one learner says that it waits") {
      (2...3).filter {
        run.log("learner-\($0)").contains(
          "replay.binding own: expected a free shard, found 2 with a learner; this learner waits; scale replay, or stop a learner"
        )
      }.count == 1
    }
    try run.status("two of three learners with a shard") {
      Set($0.shards(of: "learner").values) == [0, 1, 2] && $0.shards(of: "learner").count == 3
    }

    let logs = (2...3).map { run.log("learner-\($0)") }
    #expect(logs.allSatisfy { $0.components(separatedBy: "joined: ").count == 2 }, "nothing is said twice")

    try command(run, "scale", "replay=3", "actor=3")
    try run.status("a shard and an actor for each of three learners") {
      Set($0.shards(of: "learner").values) == [1, 2, 3] && $0.counters("has_learner") == [1, 1, 1]
        && Set($0.shards(of: "actor").values) == [1, 2, 3]
    }
    try run.progress("with three pools")
    _ = try run.end()
    #expect(try run.summary()["restarts"] as? Int == 0)
  }

  /// What cannot be right is said at the start.
  @Test func tooFewShardsAreSaid() throws {
    let run = try LiveRun(
      try Workspace(),
      settings: ["replay.binding=own", "replay.replicas=2", "learner.replicas=3", "actor.replicas=1"])
    try eventually("what will wait") {
      run.command.output.contains("learner.replicas: expected at most 2")
        && run.command.output.contains("actor.replicas: expected at least 2")
    }
  }

  private func command(_ run: LiveRun, _ arguments: String...) throws {
    let ended = try Program.run(arguments, in: run.workspace)
    #expect(ended.code == 0, "\(ended.errors)")
  }

  private func learner(of run: LiveRun) throws -> ChildProcess {
    let variables = try Program.run(["env", "learner"], in: run.workspace).output
    var spawn = ProcessSpawn(
      "/bin/sh", ["-c", "\(variables)exec \(Program.path) learner"], environment: Program.clean,
      workingDirectory: run.workspace.path)
    spawn.standardError = .append(path: run.workspace.file("learner.err"))
    return try spawn.start()
  }
}

extension Status {
  /// By label, the shard of each process of a service that reports now.
  fileprivate func shards(of service: String) -> [String: Int] {
    var shards: [String: Int] = [:]
    for process in recent(service) {
      shards[process.telemetry.label] = Int(process.telemetry.counters["shard"] ?? -1)
    }
    return shards
  }

  /// A metric of the replay's shards, in the order of their numbers.
  fileprivate func counters(_ name: String) -> [Double] {
    recent("replay").sorted { $0.telemetry.label < $1.telemetry.label }
      .map { $0.telemetry.counters[name] ?? 0 }
  }

  private func recent(_ service: String) -> [ProcessStatus] {
    processes.filter { $0.telemetry.service == service && $0.age_s < 1 }
      .sorted { $0.age_s > $1.age_s }
  }
}
