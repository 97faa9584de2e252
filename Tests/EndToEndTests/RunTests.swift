// Whole runs: their ends and their files.

import Configuration
import Foundation
import Foundations
import Numerics
import Testing

@Suite struct RunTests {
  private static let sampleKeys: Set = [
    "actors", "actorsWaiting", "batchesPerSecond", "envSteps", "envStepsPerSecond", "insertsPerSecond",
    "learnerWaitingShare",
    "replayCapacity", "replaySteps", "seconds", "stalenessVersions", "trainedStalenessMax",
    "trainedStalenessMean", "trainedStalenessP99", "updateToActionP99_ms", "updates", "updatesPerSecond",
    "weightsVersion",
  ]
  private static let summaryKeys: Set = [
    "directory", "envSteps", "learnerWaitingShare", "outcome", "restarts", "seconds", "solved",
    "updateToActionP99_ms",
    "updates",
  ]

  @Test func aFinishedRunLeavesEverything() throws {
    let workspace = try Workspace()
    let run = try LiveRun(
      workspace, name: "first", settings: ["stop.updates=600"], arguments: ["--json", "--seed", "7"])
    let ended = try run.command.end()
    #expect(ended.code == 0, "\(ended.errors)")
    let objects = try Text.objects(ended.output)
    #expect(objects.count >= 2)
    for sample in objects.dropLast() {
      #expect(Set(sample.keys).subtracting(["meanReturn"]) == Self.sampleKeys)
    }
    let summary = try #require(objects.last)
    #expect(Set(summary.keys).isSuperset(of: Self.summaryKeys))
    #expect(summary["outcome"] as? String == "finished")
    #expect(summary["solved"] as? Bool == false)
    #expect(summary["restarts"] as? Int == 0)
    #expect((summary["updates"] as? Double ?? 0) >= 600)
    #expect((summary["envSteps"] as? Double ?? 0) > 200)
    #expect(try run.summary() as NSDictionary == summary as NSDictionary)
    #expect(run.processes.isEmpty)
    try checkFolder(run)
    let metrics = try Text.objects(Text.read("\(run.folder)/metrics.jsonl"))
    #expect(metrics.count == objects.count)
    #expect(metrics.last?["updates"] as? Double == summary["updates"] as? Double)
    let evaluations = try Text.objects(Text.read("\(run.folder)/evaluations.jsonl"))
    #expect(
      evaluations.allSatisfy { ($0["meanReturn"] as? Double ?? 0) > 0 && $0["kind"] as? String == "regular" })
    #expect(!evaluations.isEmpty)
  }

  /// The saved configuration reads back unchanged; the checkpoint is of the last update.
  private func checkFolder(_ run: LiveRun) throws {
    let configuration = try EffectiveConfiguration(file: "\(run.folder)/config.yaml").run
    #expect(configuration.seed == 7 && configuration.algorithm.hidden == [16])
    #expect(configuration.yaml == Text.read("\(run.folder)/config.yaml"))
    for instance in ["actor-1", "actor-2", "learner-1", "replay-1", "parameters-1", "evaluator-1"] {
      #expect(
        run.log(instance).contains("stopped after") || run.log(instance).contains("stopped at"), "\(instance)"
      )
    }
    let best = try SafetensorsFile(path: "\(run.folder)/checkpoints/best.safetensors")
    let evaluations = try Text.objects(Text.read("\(run.folder)/evaluations.jsonl"))
    let highest = evaluations.compactMap { $0["meanReturn"] as? Double }.max()
    #expect(Double(best.metadata["mean_return"] ?? "") == highest)
    let weights = try SafetensorsFile(path: "\(run.folder)/checkpoints/learner-1.safetensors")
    let updates = try #require(Text.number(before: " updates", in: run.log("learner-1")))
    #expect(weights.metadata["updates"] == "\(updates)")
    #expect(!weights.entries.isEmpty)
    for entry in weights.entries { #expect(try weights.floats(entry.name).allSatisfy(\.isFinite)) }
    let optimizer = try SafetensorsFile(path: "\(run.folder)/checkpoints/learner-1.optimizer.safetensors")
    #expect(
      Set(optimizer.entries.map(\.name))
        == Set(
          weights.entries.flatMap { entry in
            ["adam.m.", "adam.v.", "target."].map { $0 + entry.name }
          }))
    #expect(FileManager.default.fileExists(atPath: "\(run.folder)/parameters.rookery"))
  }

  /// Any policy meets a criterion of 1, which is also the default for the confirmation. The second
  /// run of a name gets another folder.
  @Test(arguments: ["1", "null"]) func aSolvedRun(_ confirmed: String) throws {
    let workspace = try Workspace()
    try FileManager.default.createDirectory(
      atPath: workspace.file("runs/easy"), withIntermediateDirectories: true)
    let run = try LiveRun(
      workspace, name: "easy",
      settings: [
        "evaluator.threshold=1", "evaluator.confirm_threshold=\(confirmed)", "evaluator.confirm_episodes=3",
      ])
    let ended = try run.command.end()
    #expect(ended.code == 0, "\(ended.errors)")
    #expect(ended.output.contains("solved in") && ended.output.contains("confirmed by fresh episodes"))
    let summary = try #require(try Text.objects(workspace.read("runs/easy-2/summary.json")).first)
    #expect(summary["outcome"] as? String == "solved" && summary["solved"] as? Bool == true)
    #expect((summary["confirmedReturn"] as? Double ?? 0) >= 1 && (summary["meanReturn"] as? Double ?? 0) >= 1)
  }

  @Test func aRunThatGivesUp() throws {
    let workspace = try Workspace()
    let run = try LiveRun(
      workspace,
      settings: ["evaluator.threshold=500", "evaluator.confirm_threshold=500", "stop.env_steps=500"])
    let ended = try run.command.end()
    #expect(ended.code == 1)
    let summary = try run.summary()
    #expect(summary["outcome"] as? String == "limitReached" && summary["solved"] as? Bool == false)
    #expect(summary["reason"] as? String == "stop.env_steps 500 was reached before the criterion")
    #expect(ended.output.contains("stop.env_steps 500 was reached before the criterion"))
  }
}
