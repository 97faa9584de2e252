// `rookery inspect`, `snapshot` and `restore` on a live run, and a resumed run with its replay.

import Foundation
import Testing

@Suite struct ReplayCommandTests {
  @Test func inspectSnapshotAndRestore() throws {
    let workspace = try Workspace()
    let run = try LiveRun(workspace)
    try run.started()
    try run.status("items") { $0.counter("replay", "items") > 500 }
    let inspected = try Program.run(["inspect", "--top", "3", "--json"], in: workspace)
    #expect(inspected.code == 0, "\(inspected.errors)")
    let document = try #require(try Text.objects(inspected.output).first)
    let table = try #require((document["tables"] as? [[String: Any]])?.first)
    #expect(table["name"] as? String == "experience")
    #expect((document["writers"] as? [[String: Any]])?.count == 2)
    let size = (table["numbers"] as? [String: Any])?["size"] as? Double ?? 0
    #expect(size > 500)
    let histograms = try #require(table["histograms"] as? [String: [String: Any]])
    for name in ["age_steps", "times_sampled", "staleness_versions", "priority"] {
      let counts = histograms[name]?["counts"] as? [Double] ?? []
      #expect(counts.reduce(0, +) == size, "\(name): \(counts) of \(size)")
    }
    let text = try Program.run(["inspect"], in: workspace)
    #expect(
      text.code == 0 && text.output.contains("table    experience, sampler prioritized"), "\(text.output)")
    let wrong = try Program.run(["inspect", "--table", "x"], in: workspace)
    #expect(
      wrong.code == 1 && wrong.errors.contains("expected one of experience, found 'x'"), "\(wrong.errors)")

    let made = try Program.run(["snapshot", "one"], in: workspace)
    #expect(made.code == 0 && made.output.contains("snapshots/one/1"), "\(made.output)\(made.errors)")
    #expect(workspace.exists("runs/test/snapshots/one/1/header"))
    let again = try Program.run(["snapshot", "one"], in: workspace)
    #expect(again.code == 1 && again.errors.contains("choose another name"), "\(again.errors)")
    let outside = try Program.run(["snapshot", "../one"], in: workspace)
    #expect(outside.code == 1 && outside.errors.contains("the first no dot"), "\(outside.errors)")
    let restored = try Program.run(["restore", "one"], in: workspace)
    #expect(restored.code == 0, "\(restored.errors)")
    try eventually("the restore in the log") { run.log("replay-1").contains("restored") }
    // A part of a shard that does not run.
    try FileManager.default.copyItem(
      atPath: workspace.file("runs/test/snapshots/one/1"), toPath: workspace.file("runs/test/snapshots/one/2")
    )
    let partly = try Program.run(["restore", "one"], in: workspace)
    #expect(
      partly.code == 1
        && partly.errors.contains(
          "has parts of 2 shards, but only 1 runs; start them with rookery scale replay=2"),
      "\(partly.errors)")
    let missing = try Program.run(["restore", "two"], in: workspace)
    #expect(
      missing.code == 1 && missing.errors.contains("expected a snapshot, found none"), "\(missing.errors)")
  }

  /// With `file` storage a resumed run has the experience of the earlier session.
  @Test func aResumedRunHasItsExperience() throws {
    let workspace = try Workspace()
    let first = try LiveRun(
      workspace, settings: ["replay.storage=file", "stop.updates=200", "replay.capacity=5000"])
    let ended = try first.command.end(within: 120)
    #expect(ended.code == 0 || ended.code == 1, "\(ended.errors)")
    #expect(workspace.exists("runs/test/replay/1/header"))
    let other = try first.resume("stop.updates=5000", "replay.storage=memory")
    #expect(
      other.code == 1 && other.errors.contains("storage: file, but replay.storage is memory"),
      "\(other.errors)")
    let resumed = try first.resume("stop.updates=5000")
    #expect(resumed.code == 0 || resumed.code == 1, "\(resumed.errors)")
    #expect(resumed.output.contains("the replay resumes from its files"), "\(resumed.output)")
    let log = first.log("replay-1")
    let steps = try #require(Text.number(before: " steps, ", in: log), "\(log)")
    #expect(log.contains("recovered") && steps > 200, "\(log)")
  }
}
