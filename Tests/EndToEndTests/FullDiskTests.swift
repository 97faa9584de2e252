// A run whose disk becomes full.

import Foundation
import Foundations
import Glibc
import Numerics
import TestSupport
import Testing

@Suite struct FullDiskTests {
  /// Training goes on without records, a killed learner restarts, and the summary is printed. With
  /// free space again the run resumes.
  @Test func trainingGoesOn() throws {
    let workspace = try Workspace()
    guard let disk = TinyDisk(kibibytes: 1024, at: workspace.file("runs")) else { return }
    defer { disk.unmount() }
    let run = try LiveRun(workspace, settings: ["evaluator.interval_ms=1"])
    try run.started()
    try eventually("a checkpoint") {
      FileManager.default.fileExists(atPath: "\(run.folder)/checkpoints/learner-1.safetensors")
    }
    disk.fill()
    try run.progress("on a full disk")
    try run.status("failed checkpoints") { $0.counter("learner", "checkpoint_failures_total") > 1 }
    try eventually("a word of it") {
      run.command.output.contains("No space left on device (errno 28); the run goes on")
    }
    let killed = try #require(run.process("learner"))
    kill(killed.pid, SIGKILL)
    try eventually("another learner") { run.process("learner").map { $0.pid != killed.pid } ?? false }
    try run.progress("with another learner")

    let ended = try run.end(SIGINT)
    #expect(
      ended.code == 1 && ended.output.contains("interrupted after") && ended.output.contains("not saved"))
    #expect(ended.output.components(separatedBy: "the run goes on").count == 2, "it is told once")
    #expect(ended.output.contains("summary.json"))
    // No incomplete lines or checkpoints.
    for name in ["metrics.jsonl", "evaluations.jsonl"] {
      let text = Text.read("\(run.folder)/\(name)")
      #expect(text.isEmpty || text.hasSuffix("\n"))
      _ = try Text.objects(text)
    }
    let checkpoints = "\(run.folder)/checkpoints"
    for name in try FileManager.default.contentsOfDirectory(atPath: checkpoints) {
      _ = try SafetensorsFile(path: "\(checkpoints)/\(name)")
    }

    disk.empty()
    let resumed = try Program.run(
      [
        "run", "--resume", "runs/test", "--set", "evaluator.threshold=1", "--set",
        "evaluator.confirm_threshold=1",
      ],
      in: workspace, within: 120)
    #expect(resumed.code == 0, "\(resumed.output) \(resumed.errors)")
    #expect(try run.summary()["recordsLost"] as? Int == 0)
  }

  /// On a disk that is full from the beginning nothing is started, and the message says why.
  @Test func noRoomToBegin() throws {
    let workspace = try Workspace()
    guard let disk = TinyDisk(kibibytes: 64, at: workspace.file("runs")) else { return }
    defer { disk.unmount() }
    disk.fill()
    let ended = try Program.run(["run", "config/cartpole.yaml"], in: workspace)
    #expect(
      ended.code == 1 && ended.errors.contains("No space left on device"), "\(ended.output) \(ended.errors)")
  }
}
