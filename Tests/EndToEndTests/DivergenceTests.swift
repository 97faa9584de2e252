// NaN and infinite numbers: rows with them are left out, weights with them end a run.

import Foundation
import Foundations
import Glibc
import Numerics
import Services
import Testing
import Wire

@Suite struct DivergenceTests {
  /// Inserts an item whose observations are 3e38, near the largest Float32: the network's outputs
  /// become infinite.
  private func poison(_ run: LiveRun, priority: Float) throws {
    try poison(try #require(run.process("actor")).variables, priority: priority)
  }

  private func poison(_ variables: [String: String], priority: Float) throws {
    let peer = try RawSocket(.dealer, to: try #require(variables["ROOKERY_REPLAY_ADDRESS"]))
    let writer = TestWriter()
    try peer.send { writer.hello.encode(into: $0) }
    _ = try peer.answer(.welcome) { try Welcome(from: &$0) }
    try peer.send {
      writer.insert(
        sequence: 1, flags: [1, 0, 0, 0], rewards: [1, 1, 1, 0], observation: 3e38, priority: priority,
        into: $0)
    }
    let acknowledged = try peer.answer(.acknowledgement) { try Acknowledgement(from: &$0) }
    #expect(acknowledged.committed == 1)
  }

  private func expectFinite(_ path: String) throws {
    let weights = try SafetensorsFile(path: path)
    for entry in weights.entries { #expect(try weights.floats(entry.name).allSatisfy(\.isFinite)) }
    #expect((weights.metadata["updates"].flatMap { Int($0) } ?? 0) > 0)
  }

  @Test func rowsAtFaultAreLeftOut() throws {
    let run = try LiveRun(try Workspace(), settings: ["stop.updates=3000"])
    try run.started()
    // Enough to be drawn soon, too little to be all that is drawn while the ring is small.
    try poison(run, priority: 1e3)
    let ended = try run.command.end()
    let log = run.log("learner-1")
    #expect(ended.code == 0, "\(ended.errors)\n\(log)")
    #expect(try run.summary()["outcome"] as? String == "finished", "\(ended.output)")
    #expect(log.contains("rows are left out from now on"))
    try expectFinite("\(run.folder)/checkpoints/learner-1.safetensors")
    let rows = try SafetensorsFile(path: "\(run.folder)/checkpoints/learner-1.left-out.safetensors")
    #expect(try rows.integers("fingerprints").count == 1 && rows.metadata["diverged"] == "false")
  }

  /// Only this item is drawn: the run ends after ten batches in a row.
  @Test func tenBatchesInARowEndTheRun() throws {
    let run = try LiveRun(try Workspace())
    let path = "\(run.folder)/checkpoints/learner-1.safetensors"
    let ended = try diverge(run)
    #expect(ended.code == 1)
    let summary = try run.summary()
    #expect(summary["outcome"] as? String == "diverged")
    #expect(
      (summary["reason"] as? String)?.contains("the last good checkpoint is in \(run.folder)/checkpoints")
        == true)
    let log = run.log("learner-1")
    #expect(log.contains("of 10 batches in a row became infinite or NaN after"), "\(log)")
    try expectFinite(path)
    let rows = try SafetensorsFile(path: "\(run.folder)/checkpoints/learner-1.left-out.safetensors")
    #expect(rows.metadata["diverged"] == "true")
  }

  /// A run with a checkpoint that diverges because only one bad item is drawn.
  private func diverge(_ run: LiveRun) throws -> Ended {
    try run.started()
    try eventually("a checkpoint") {
      FileManager.default.fileExists(atPath: "\(run.folder)/checkpoints/learner-1.safetensors")
    }
    try poison(run, priority: 1e30)
    return try run.command.end()
  }

  private func updates(_ run: LiveRun) throws -> Int {
    try SafetensorsFile(path: "\(run.folder)/checkpoints/learner-1.safetensors").count("updates")
  }

  /// The item is still in the replay, and its priority makes it the only one drawn: it is left out,
  /// and the run goes on and is solved.
  @Test func aRunThatDivergedIsTakenUpAndSolves() throws {
    let run = try LiveRun(try Workspace())
    #expect(try diverge(run).code == 1)
    let good = try updates(run)

    let resumed = try LiveRun(
      resuming: run,
      settings: [
        "evaluator.threshold=60", "evaluator.confirm_threshold=40", "evaluator.confirm_episodes=5",
        "learner.updates_per_second_max=1500",
      ])
    let ended = try resumed.command.end(within: 300)
    #expect(ended.code == 0, "\(ended.output) \(ended.errors) \(run.log("learner-1"))")
    #expect(ended.output.contains("the replay resumes from the snapshot of its end"))
    #expect(try run.summary()["outcome"] as? String == "solved")
    let log = run.log("learner-1")
    #expect(
      log.contains("resuming after a divergence from the last good checkpoint, of \(good) updates"),
      "\(log)")
    #expect(log.contains("all rows of a batch are known to be at fault"), "\(log)")
    #expect(try updates(run) > good)
    try expectFinite("\(run.folder)/checkpoints/learner-1.safetensors")
    let rows = try SafetensorsFile(path: "\(run.folder)/checkpoints/learner-1.left-out.safetensors")
    #expect(try rows.integers("fingerprints").count == 1 && rows.metadata["diverged"] == "false")
  }

  /// With uniform sampling the item is drawn again and again.
  @Test func aTableWithoutPrioritiesLeavesItOutToo() throws {
    let run = try LiveRun(try Workspace())
    #expect(try diverge(run).code == 1)
    let good = try updates(run)

    let resumed = try LiveRun(resuming: run, settings: ["replay.sampler=uniform"])
    let status = try resumed.status("batches with the item in it") {
      $0.counter("learner", "rows_left_out_total") >= 3 && $0.updates > UInt64(good) + 300
    }
    #expect(status.counter("learner", "batches_not_finite_total") == 0)
    #expect(status.counter("learner", "diverged") == 0)
    // Not the one that it saves at its end: a busy machine may kill it first.
    try eventually("a checkpoint of these updates") { (try? updates(run)) ?? 0 > good + 300 }
    #expect(try resumed.end().code == 1)
    #expect(try run.summary()["outcome"] as? String == "interrupted")
    try expectFinite("\(run.folder)/checkpoints/learner-1.safetensors")
  }

  /// `rookery up` does not end by itself: a diverged learner stops training until it is restarted,
  /// while replay, actors and parameter server go on.
  @Test func aLearnerThatIsKilledAfterwardsTrainsOn() throws {
    let workspace = try Workspace()
    let up = try Program.run(
      ["up", "-d"] + LiveRun.small.flatMap { ["--set", $0] }, in: workspace,
      environment: ["ROOKERY_CONFIG": "config/cartpole.yaml"])
    defer { _ = try? Program.run(["down"], in: workspace) }
    #expect(up.code == 0, "\(up.output)\(up.errors)")
    let folder = workspace.file("runs/rookery")
    func learner() -> RunProcess? {
      ProcessTable.processes(where: "ROOKERY_RUN_DIRECTORY", is: folder).first { $0.service == "learner" }
    }
    let old = try eventually("the learner") { learner() }
    let client = try StatusClient(address: try #require(old.variables["ROOKERY_PARAMETERS_ADDRESS"]))
    func status(_ what: String, where body: (Status) -> Bool) throws {
      try eventually(what) {
        client.ask()
        return client.poll().map(body) ?? false
      }
    }
    let path = "\(folder)/checkpoints/learner-1.safetensors"
    try status("updates and a checkpoint") {
      $0.updates > 50 && FileManager.default.fileExists(atPath: path)
    }
    try poison(old.variables, priority: 1e30)
    try status("the divergence") { $0.counter("learner", "diverged") == 1 }
    let (incarnation, good) = (
      try SafetensorsFile(path: path).count("updates"), try Data(contentsOf: URL(filePath: path))
    )

    kill(old.pid, SIGKILL)
    try status("updates of the next incarnation") { status in
      status.telemetry("learner").contains {
        $0.counters["updates_total"] ?? 0 > Double(incarnation) + 200 && $0.counters["diverged"] == 0
          && $0.counters["batches_left_out_total"] ?? 0 > 0 && $0.counters["batches_not_finite_total"] == 0
      }
    }
    let log = Text.read("\(folder)/logs/learner-1.log")
    #expect(log.contains("from the last good checkpoint, of \(incarnation) updates"), "\(log)")
    #expect(try Data(contentsOf: URL(filePath: path)) != good)
    try expectFinite(path)
  }
}
