// Resumed runs, after orderly ends and kills.

import Configuration
import Foundation
import Foundations
import Glibc
import Numerics
import Testing
import Wire

@Suite struct ResumeTests {
  private static let solvable = [
    "--set", "evaluator.threshold=1", "--set", "evaluator.confirm_threshold=1", "--set",
    "evaluator.confirm_episodes=3", "--set", "stop.updates=0",
  ]

  private func objects(_ run: LiveRun, _ name: String) throws -> [[String: Any]] {
    try Text.objects(Text.read("\(run.folder)/\(name)"))
  }

  private func isRising(_ objects: [[String: Any]], _ key: String) -> Bool {
    let values = objects.compactMap { $0[key] as? Double }
    return values.count == objects.count && zip(values, values.dropFirst()).allSatisfy { $0 <= $1 }
  }

  @Test func countersAndCurvesGoOn() throws {
    let workspace = try Workspace()
    let run = try LiveRun(workspace, settings: ["stop.updates=600"])
    #expect(try run.command.end().code == 0)
    let before = try run.summary()
    let (metrics, evaluations) = (try objects(run, "metrics.jsonl"), try objects(run, "evaluations.jsonl"))

    let checkpoint = try SafetensorsFile(path: "\(run.folder)/checkpoints/learner-1.safetensors").metadata

    let resumed = try Program.run(
      ["run", "--resume", "runs/test", "--set", "stop.updates=1500"], in: workspace, within: 120)
    #expect(resumed.code == 0, "\(resumed.errors)")
    #expect(resumed.output.contains("resuming at weights version"))
    // The server may have merged a leaving learner's last delta after the run's last status.
    let updates = try #require(before["updates"] as? Double)
    #expect(try #require(Text.number(before: " updates;", in: resumed.output)) >= Int(updates))
    #expect(resumed.output.contains("the replay resumes from the snapshot of its end"))
    let after = try run.summary()
    #expect(after["outcome"] as? String == "finished")
    for key in ["seconds", "envSteps", "updates"] {
      let (old, new) = (before[key] as? Double ?? .infinity, after[key] as? Double ?? 0)
      #expect(new > old, "\(key)")
    }
    let allMetrics = try objects(run, "metrics.jsonl")
    let allEvaluations = try objects(run, "evaluations.jsonl")
    #expect(allMetrics.count > metrics.count && allEvaluations.count > evaluations.count)
    #expect(
      allMetrics.prefix(metrics.count).elementsEqual(metrics) { $0 as NSDictionary == $1 as NSDictionary })
    for key in ["seconds", "envSteps", "updates", "weightsVersion"] {
      #expect(isRising(allMetrics, key), "\(key)")
    }
    for key in ["seconds", "envSteps", "updates"] { #expect(isRising(allEvaluations, key), "\(key)") }
    // The learner resumed with its optimizer and its count of updates.
    #expect(run.log("learner-1").contains("resumed after \(checkpoint["updates"] ?? "") updates"))
    #expect(try EffectiveConfiguration(file: "\(run.folder)/config.yaml").run.stop.updates == 1500)
    #expect(run.processes.isEmpty)
    try checkEvents(run, sessions: 2)
  }

  /// A schedule goes on where it was, and another momentum is said.
  @Test func schedulesAndMomentumGoOn() throws {
    let workspace = try Workspace()
    let rate = ["schedule=linear", "from=0.001", "to=0.0001", "over=1000"].map {
      "algorithm.learning_rate.\($0)"
    }
    let outer = ["aggregation.outer.learning_rate=0.8", "aggregation.outer.momentum=0.5"]
    let run = try LiveRun(workspace, settings: rate + outer + ["stop.updates=600"])
    #expect(try run.command.end().code == 0)
    let resumed = try Program.run(
      [
        "run", "--resume", "runs/test", "--set", "stop.updates=3000", "--set",
        "aggregation.outer.momentum=0.25",
      ], in: workspace, within: 120)
    #expect(resumed.code == 0, "\(resumed.errors)")
    #expect(
      (resumed.output + resumed.errors).contains(
        "aggregation.outer.momentum is 0.25, and was 0.5 when the weights were saved"))
    let configuration = try EffectiveConfiguration(file: "\(run.folder)/config.yaml").run
    #expect(
      configuration.algorithm.learningRate == Schedule(.linear, from: 0.001, to: 0.0001, over: 1000))
  }

  /// Existing weights meet a criterion of 1 at once. A solved run goes on until the criterion is
  /// confirmed again.
  @Test func aResumedRunSolves() throws {
    let workspace = try Workspace()
    let run = try LiveRun(workspace, settings: ["stop.updates=100"])
    #expect(try run.command.end().code == 0)
    let solved = try Program.run(
      ["run", "--resume", "runs/test"] + Self.solvable, in: workspace, within: 120)
    #expect(solved.code == 0 && solved.output.contains("solved in"), "\(solved.errors)")
    // One, or more if the evaluator confirms again before it is stopped.
    let confirmations = try confirmations(run)
    #expect(confirmations > 0)
    let again = try Program.run(["run", "--resume", "runs/test/"], in: workspace, within: 120)
    #expect(again.code == 0 && again.output.contains("the run was solved"))
    #expect(try self.confirmations(run) > confirmations)
  }

  private func confirmations(_ run: LiveRun) throws -> Int {
    try objects(run, "evaluations.jsonl").filter { $0["kind"] as? String == "confirmation" }.count
  }

  /// TensorBoard reads the run's events.
  private func checkEvents(_ run: LiveRun, sessions: Int) throws {
    guard let python = Python.path(with: "tensorboard") else { return }
    let script = "\(Program.root)/python/tests/test_tensorboard.py"
    #expect(try ProcessSpawn(python, [script, run.folder, "\(sessions)"]).start().wait() == .exited(code: 0))
  }

  @Test func afterADeath() throws {
    let workspace = try Workspace()
    let run = try LiveRun(workspace)
    let status = try run.started()
    // A file that the learner had not finished when it was killed.
    let unfinished = "\(run.folder)/checkpoints/learner-1.safetensors.0.tmp"
    try run.command.child.send(SIGKILL)
    try run.command.child.wait()
    try Text.write("half", to: unfinished)
    let goal = status.updates + 300
    let resumed = try Program.run(
      ["run", "--resume", "runs/test", "--set", "stop.updates=\(goal)"], in: workspace, within: 120)
    #expect(resumed.code == 0, "\(resumed.output) \(resumed.errors)")
    #expect(resumed.output.contains("the replay starts empty"), "\(resumed.output)")
    #expect(run.log("replay-1").components(separatedBy: "begins empty").count == 3)
    let summary = try run.summary()
    #expect(
      summary["outcome"] as? String == "finished" && (summary["updates"] as? Double ?? 0) >= Double(goal))
    #expect(isRising(try objects(run, "metrics.jsonl"), "envSteps"))
    #expect(!FileManager.default.fileExists(atPath: unfinished))
  }

  @Test func refusals() throws {
    let workspace = try Workspace()
    func refused(_ arguments: [String], _ texts: String..., code: Int32 = 2) throws {
      let ended = try Program.run(["run"] + arguments, in: workspace)
      #expect(ended.code == code, "\(ended.output)")
      for text in texts { #expect(ended.errors.contains(text), "\(ended.errors)") }
    }
    let run = try LiveRun(workspace)
    try run.started()
    try refused(["--resume", "runs/test"], "runs/test: its run is still live")
    #expect(try run.end().code == 1)
    let updates = Int(try run.summary()["updates"] as? Double ?? 0)

    try refused(["--resume", "runs/none"], "'runs/none'", "found no folder")
    try refused(["--resume", "config"], "'config': expected a run's folder with config.yaml in it")
    try refused(["--resume", "runs/test", "--name", "other"], "--name", "keeps its folder")
    try refused(
      ["config/cartpole.yaml", "--resume", "runs/test"], "expected no configuration file beside --resume")
    try refused(
      ["--resume", "runs/test", "--set", "algorithm.hidden=[32]"],
      "algorithm.hidden: expected [16]", "found [32] (--set algorithm.hidden=[32])")
    try refused(
      ["--resume", "runs/test", "--set", "environment.id=Acrobot-v1"],
      "environment.id: expected CartPole-v1", "found Acrobot-v1")
    try refused(
      ["--resume", "runs/test", "--set", "stop.updates=50"],
      "stop.updates: expected a limit above \(updates), which the run has reached already, found 50")
    // The saved configuration was edited, but does not fit the weights.
    let configuration = Text.read("\(run.folder)/config.yaml")
    try Text.write(configuration.replacing("[16]", with: "[8]"), to: "\(run.folder)/config.yaml")
    try refused(
      ["--resume", "runs/test"], "parameters.rookery: tensor 0: expected", "of another network", code: 1)
    try Text.write("name: [", to: "\(run.folder)/config.yaml")
    try refused(["--resume", "runs/test"], "runs/test/config.yaml:2:1: expected valid YAML")
    try Text.write(configuration, to: "\(run.folder)/config.yaml")

    for name in ["learner-1.optimizer", "learner-1.optimizer.previous"] {
      try Text.write("damaged", to: "\(run.folder)/checkpoints/\(name).safetensors")
    }
    try refused(
      ["--resume", "runs/test"], "learner-1.optimizer.safetensors'",
      "move the file away to resume with a new optimizer",
      code: 1)
    try FileManager.default.removeItem(atPath: "\(run.folder)/checkpoints/learner-1.optimizer.safetensors")
    try Text.write("other bytes, more than a header", to: "\(run.folder)/parameters.rookery")
    try refused(
      ["--resume", "runs/test"], "parameters.rookery: expected a header of 40 bytes, found", code: 1)
    #expect(run.processes.isEmpty)
  }

  /// With an empty file, as a full disk leaves it, or a missing one, the run resumes from the
  /// checkpoint before it, and the console says so.
  @Test(arguments: ["found an empty file (0 bytes)", "expected the newest checkpoint, found none"])
  func theCheckpointBeforeADamagedOne(_ said: String) throws {
    let run = try LiveRun(try Workspace(), settings: ["stop.updates=400"])
    #expect(try run.command.end().code == 0)
    let newest = "\(run.folder)/checkpoints/learner-1.optimizer.safetensors"
    let previous = "\(run.folder)/checkpoints/learner-1.optimizer.previous.safetensors"
    let updates = try SafetensorsFile(path: previous).count("updates")
    if said.hasPrefix("found") {
      try Text.write("", to: newest)
    } else {
      try FileManager.default.removeItem(atPath: newest)
    }
    let resumed = try run.resume("stop.updates=5000")
    #expect(resumed.code == 0, "\(resumed.errors)")
    #expect(
      resumed.output.contains(said) && resumed.output.contains("of \(updates) updates, is used instead"))
    #expect(run.log("learner-1").contains(said))
    #expect(run.log("learner-1").contains("resumed after \(updates) updates"))
  }

  /// Two runs that start at the same moment: one gets the name, the other the next number.
  @Test func twoRunsOfOneName() throws {
    let workspace = try Workspace()
    let runs = try (0..<2).map { _ in try LiveRun(workspace, name: "same", settings: ["stop.updates=60"]) }
    for run in runs { #expect(try run.command.end().code == 0) }
    for name in ["same", "same-2"] {
      let summary = try Text.objects(workspace.read("runs/\(name)/summary.json")).first
      #expect(summary?["directory"] as? String == workspace.file("runs/\(name)"))
      #expect(summary?["outcome"] as? String == "finished")
    }
    #expect(!workspace.exists("runs/same-3"))
  }
}
