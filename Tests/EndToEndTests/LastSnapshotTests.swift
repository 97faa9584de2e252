// The snapshot that a replay of `memory` storage writes at its end, and its use.

import Foundation
import Foundations
import Glibc
import TestSupport
import Testing

@Suite struct LastSnapshotTests {
  /// Resumed twice, a run has all its experience each time. After a kill it starts empty; with
  /// another capacity it is refused.
  @Test func aRunTakesItsReplayAlong() throws {
    let workspace = try Workspace()
    let first = try LiveRun(workspace, settings: ["stop.updates=200", "replay.capacity=5000"])
    #expect(try first.command.end(within: 120).code == 0)
    var left = try #require(Text.number(before: " steps (", in: first.log("replay-1")))
    #expect(left > 200)
    for updates in [5000, 10_000] {
      let resumed = try first.resume("stop.updates=\(updates)")
      #expect(resumed.code == 0, "\(resumed.errors)")
      #expect(resumed.output.contains("resumes from the snapshot of its end"), "\(resumed.output)")
      let log = first.log("replay-1")
      #expect(Text.number(before: " steps, ", in: log) == left, "\(log)")
      let more = try #require(Text.number(before: " steps (", in: log))
      #expect(more > left || more > 4000, "\(log)")
      left = more
    }

    let refused = try first.resume("stop.updates=20000", "replay.capacity=6000")
    #expect(refused.code == 1, "\(refused.output)")
    for text in [
      "runs/test/replay/1/snapshot", "expected 'capacity 6000', found 'capacity 5000'",
      "remove that folder to begin empty",
    ] { #expect(refused.errors.contains(text), "\(refused.errors)") }
    let other = try first.resume("stop.updates=20000", "replay.storage=file")
    #expect(
      other.code == 1 && other.errors.contains("storage: memory left at its end, but replay.storage is file"),
      "\(other.errors)")
    #expect(workspace.exists("runs/test/replay/1/snapshot/header"), "it can still be used")

    let live = try Started(
      ["run", "--resume", "runs/test", "--set", "stop.updates=0"], in: workspace)
    try eventually("the snapshot is used; \(live.errors)") {
      !workspace.exists("runs/test/replay/1/snapshot")
    }
    try live.child.send(SIGKILL)
    _ = try live.child.wait()
    try eventually("no process of the run") { first.processes.isEmpty }
    let empty = try first.resume("stop.updates=30000")
    #expect(empty.code == 0 && empty.output.contains("the replay starts empty"), "\(empty.output)")
    #expect(first.log("replay-1").components(separatedBy: "begins empty").count == 3)
  }

  /// A replay that is restarted while its actors and learners go on loses nothing.
  @Test func aRestartLosesNothing() throws {
    let workspace = try Workspace()
    let run = try LiveRun(workspace, settings: ["actor.when_blocked=block"])
    try run.started()
    let first = try #require(run.process("replay"))
    let restarted = try Program.run(["restart", "replay"], in: workspace)
    #expect(restarted.code == 0, "\(restarted.errors)")
    #expect(run.process("replay") != first)
    try run.progress("with another incarnation of the replay")
    let log = run.log("replay-1")
    let left = try #require(Text.number(before: " steps (", in: log), "\(log)")
    #expect(left > 200 && Text.number(before: " steps, ", in: log) == left, "\(log)")
    try run.status("nothing is refused") { $0.counter("replay", "messages_refused_total") == 0 }
    #expect(try run.end().code == 1)
  }

  /// A filled replay, without other services.
  private func filled(
    _ workspace: Workspace, _ steps: UInt64, _ variables: [String: String], number: Int = 1
  ) throws -> (replay: Started, writer: StreamWriter) {
    let replay = try Started(["replay"], in: workspace, environment: variables)
    let writer = try StreamWriter(number: number, address: try #require(variables["ROOKERY_REPLAY_ADDRESS"]))
    try eventually("\(steps) steps; it said \(replay.errors)") {
      _ = try writer.advance()
      return writer.acknowledged >= steps
    }
    return (replay, writer)
  }

  private func variables(_ workspace: Workspace, _ more: [String: String] = [:]) -> [String: String] {
    ServiceTests.addresses(workspace).merging([
      "ROOKERY_RUN_DIRECTORY": workspace.file("run"), "ROOKERY_REPLAY__RATE_LIMITER__SAMPLES_PER_INSERT": "0",
      "ROOKERY_ALGORITHM__N_STEP": "1",
    ]) { $1 }.merging(more) { $1 }
  }

  private func end(_ replay: Started) throws -> String {
    try replay.child.send(SIGTERM)
    let ended = try replay.end()
    #expect(ended.code == 0, "\(ended.errors)")
    #expect(ended.errors.contains("stopped after"))
    return ended.errors
  }

  /// No snapshot is written if it would be too large, is switched off, or has no time.
  @Test(arguments: [
    ("ROOKERY_REPLAY__SNAPSHOT_AT_END_MB", "1", "replay.snapshot_at_end_mb allows 1.0 MB"),
    ("ROOKERY_REPLAY__SNAPSHOT_AT_END_MB", "0", nil),
    ("ROOKERY_STOP_GRACE_S", "0", "were copied when time was up; raise stop_grace_period"),
  ])
  func whatIsLeftOut(_ variable: String, _ value: String, _ reason: String?) throws {
    let workspace = try Workspace()
    let variables = variables(workspace, [variable: value])
    let (replay, _) = try filled(workspace, 40_000, variables)
    let log = try end(replay)
    if let reason {
      #expect(log.contains("no snapshot at the end: ") && log.contains(reason), "\(log)")
    } else {
      #expect(!log.contains("snapshot"), "\(log)")
    }
    #expect(DirectoryNames.of(workspace.file("run/replay/1")) == ["lock"])
    let next = try Started(["replay"], in: workspace, environment: variables)
    try eventually("the next start") { next.errors.contains("listening") }
    #expect(next.errors.contains("begins empty"))
  }

  @Test func aDiskThatIsFullAtTheEnd() throws {
    let workspace = try Workspace()
    guard let disk = TinyDisk(kibibytes: 1024, at: workspace.file("run")) else { return }
    defer { disk.unmount() }
    let variables = variables(workspace)
    let (replay, _) = try filled(workspace, 20_000, variables)
    disk.fill()
    let log = try end(replay)
    #expect(
      log.contains("no snapshot at the end: ") && log.contains("No space left on device"), "\(log)")
    #expect(DirectoryNames.of("\(disk.path)/replay/1") == ["lock"])
  }

  /// A replay with the other storage refuses existing contents: ignored, they would return later,
  /// out of date.
  @Test(arguments: [("memory", "file"), ("file", "memory")]) func anotherStorageIsRefused(
    _ first: String, _ second: String
  ) throws {
    let workspace = try Workspace()
    func variables(_ storage: String) -> [String: String] {
      self.variables(workspace, ["ROOKERY_REPLAY__STORAGE": storage])
    }
    let (replay, _) = try filled(workspace, 1000, variables(first))
    _ = try end(replay)
    let refused = try Program.run(["replay"], in: workspace, environment: variables(second))
    #expect(refused.code == 1, "\(refused.output)")
    for text in ["run/replay/1", "replay.storage is \(second)", "storage: \(first)"] {
      #expect(refused.errors.contains(text), "\(refused.errors)")
    }
    let again = try Started(["replay"], in: workspace, environment: variables(first))
    try eventually("the first storage's start") { again.errors.contains("recovered 1") }
  }

  /// A snapshot that a killed process had not finished is not restored.
  @Test func aHalfOneIsLeftOut() throws {
    let workspace = try Workspace()
    let variables = variables(workspace)
    let (replay, _) = try filled(workspace, 1000, variables)
    _ = try end(replay)
    let path = workspace.file("run/replay/1/snapshot")
    try FileManager.default.moveItem(atPath: path, toPath: "\(path).partial")
    let next = try Started(["replay"], in: workspace, environment: variables)
    try eventually("the next start") { next.errors.contains("listening") }
    #expect(next.errors.contains("was not finished before the process was killed, and is left out"))
    #expect(next.errors.contains("begins empty"))
    #expect(DirectoryNames.of(workspace.file("run/replay/1")) == ["lock"])
  }

  /// In containers every replica calls itself the first; each still gets a separate folder.
  @Test func twoShardsOfOneNumber() throws {
    let workspace = try Workspace()
    var steps: [UInt64] = []
    for incarnation in 0..<2 {
      var replays: [Started] = []
      var writers: [StreamWriter] = []
      for shard in 1...2 {
        let address = "ipc://\(workspace.file("replay-\(shard).ipc"))"
        let own = variables(workspace, ["ROOKERY_REPLAY_ADDRESS": address])
        let (replay, writer) = try filled(
          workspace, incarnation == 0 ? UInt64(shard) * 1000 : 1, own, number: incarnation * 2 + shard)
        replays.append(replay)
        writers.append(writer)
      }
      if incarnation == 0 {
        for (shard, replay) in replays.enumerated() {
          let left = try #require(Text.number(before: " steps (", in: try end(replay)))
          steps.append(UInt64(left))
          #expect(left >= writers[shard].acknowledged && workspace.exists("run/replay/\(shard + 1)/snapshot"))
        }
      } else {
        for (shard, replay) in replays.enumerated() {
          #expect(replay.errors.contains("recovered \(steps[shard]) steps"), "\(replay.errors)")
        }
        let made = try Program.run(
          ["snapshot", "both"] + (1...2).map { "ipc://\(workspace.file("replay-\($0).ipc"))" }, in: workspace)
        #expect(made.code == 0, "\(made.errors)")
        #expect(DirectoryNames.of(workspace.file("run/snapshots/both")) == ["1", "2"])
      }
    }
  }
}
