// `rookery eval` and `rookery plot`.

import Foundation
import FoundationXML
import Foundations
import Glibc
import Testing
import Wire

@Suite struct LookTests {
  @Test func evaluationOfACheckpoint() throws {
    let workspace = try Workspace()
    let run = try LiveRun(workspace, settings: ["stop.updates=300"])
    #expect(try run.command.end().code == 0)
    func eval(_ arguments: String...) throws -> Ended { try Program.run(["eval"] + arguments, in: workspace) }

    let best = try eval("runs/test", "--episodes", "70", "--seed", "5", "--json")
    #expect(best.code == 0, "\(best.errors)")
    let report = try #require(try Text.objects(best.output).first)
    #expect(report["checkpoint"] as? String == "runs/test/checkpoints/best.safetensors")
    #expect(report["environment"] as? String == "CartPole-v1" && report["episodes"] as? Int == 70)
    let values = ["minReturn", "meanReturn", "maxReturn"].compactMap { report[$0] as? Double }
    #expect(values.count == 3 && 8 <= values[0] && values[0] <= values[1] && values[1] <= values[2])
    // CartPole's reward is 1 per step.
    #expect(report["meanLength"] as? Double == values[1] && report["maxLength"] as? Double == values[2])
    #expect(try eval("runs/test", "--episodes", "70", "--seed", "5", "--json").output == best.output)
    let text = try eval("runs/test/checkpoints/learner-1.safetensors", "--episodes", "3")
    #expect(text.code == 0 && text.output.contains("3 greedy, seed 1") && text.output.contains("updates\n"))

    func refused(_ ended: Ended, _ code: Int32, _ texts: String...) {
      #expect(ended.code == code)
      for text in texts { #expect(ended.errors.contains(text), "\(ended.errors)") }
    }
    let file = "runs/test/checkpoints/best.safetensors"
    let wrong = [
      "config/acrobot.yaml", try workspace.write("algorithm: {hidden: [16, 16]}\n", to: "wide.yaml"),
    ]
    refused(try eval(file, "--config", wrong[0]), 1, "environment: expected Acrobot-v1", "found CartPole-v1")
    refused(
      try eval(file, "--config", wrong[1]), 1, "tensor 'trunk.2.weight'",
      "expected it in the file, found none")
    refused(
      try eval("runs/test/checkpoints/learner-1.optimizer.safetensors"), 1, "found an optimizer's state")
    refused(try eval("runs/other"), 2, "'runs/other': expected a .safetensors file or a run's folder")
    refused(try eval("config"), 2, "expected a run's folder with config.yaml in it")
    try workspace.write("no tensors", to: "text.safetensors")
    refused(try eval("text.safetensors"), 2, "--config CONFIG.yaml")
    refused(try eval("text.safetensors", "--config", "config/cartpole.yaml"), 1, "text.safetensors")
    refused(try eval("runs/test", "--episodes", "0"), 2, "--episodes")
  }

  /// Gymnasium draws an episode; its return is plausible for the built-in environment, which has
  /// the same dynamics.
  @Test func aFilm() throws {
    let workspace = try Workspace()
    let run = try LiveRun(workspace, settings: ["stop.updates=100"])
    #expect(try run.command.end().code == 0)
    func eval(_ film: String, python: String) throws -> Ended {
      try Program.run(
        ["eval", "runs/test", "--episodes", "2", "--json", "--render", film], in: workspace,
        environment: ["ROOKERY_PYTHON": python], within: 120)
    }
    for (film, text) in [
      ("film.mp4", "ends in .gif"), ("none/film.gif", "folder that can be written, found 'none/'"),
    ] {
      let ended = try eval(film, python: "python3")
      #expect(ended.code == 2 && ended.errors.contains(text), "\(ended.errors)")
    }
    let missing = try eval("film.gif", python: "/no/python")
    #expect(
      missing.code == 1 && missing.errors.contains("'/no/python' cannot be started"), "\(missing.errors)")
    #expect(!workspace.exists("film.gif"))

    guard let python = Python.path(with: "gymnasium, pygame, PIL") else { return }
    let ended = try eval("film.gif", python: python)
    #expect(ended.code == 0, "\(ended.errors)")
    let report = try #require(try Text.objects(ended.output).first)
    let value = try #require(report["filmReturn"] as? Double)
    #expect(report["film"] as? String == "film.gif" && (8...500).contains(value))
    let gif = FileManager.default.contents(atPath: workspace.file("film.gif")) ?? Data()
    #expect(gif.starts(with: Array("GIF89a".utf8)) && gif.count > 2000)
  }

  /// Two runs made by hand, one with lines that a crash has damaged.
  private func twoRuns(_ workspace: Workspace) throws {
    for (name, count) in [("a", 12), ("b", 5)] {
      try FileManager.default.createDirectory(
        atPath: workspace.file("runs/\(name)"), withIntermediateDirectories: true)
      try workspace.write("evaluator: {threshold: 475}\n", to: "runs/\(name)/config.yaml")
      let lines = (1...count).map { index in
        """
        {"envSteps":\(index * 1000),"episodes":20,"kind":"\(index % 4 == 0 ? "confirmation" : "regular")",\
        "maxReturn":\(index * 30),"meanReturn":\(index * 20),"minReturn":\(index * 10),"seconds":\(index),\
        "updates":\(index),"version":\(index)}
        """
      }
      try workspace.write(lines.joined(separator: "\n") + "\n", to: "runs/\(name)/evaluations.jsonl")
    }
    let damaged =
      workspace.read("runs/b/evaluations.jsonl")
      + "{\"kind\":\"regular\",\"meanReturn\":Infini\n\n\u{0}\u{0}\n[1]\n"
      + "{\"kind\":\"regular\",\"meanReturn\":100,\"seconds\":9}\n{\"kind\":\"reg"
    try workspace.write(damaged, to: "runs/b/evaluations.jsonl")
  }

  private func curves(_ workspace: Workspace, _ name: String) -> [Int] {
    workspace.read(name).split(separator: "\n").filter { $0.contains("class=\"curve\"") }
      .compactMap {
        $0.components(separatedBy: "points=\"").last?.prefix { $0 != "\"" }.split(separator: " ").count
      }
  }

  @Test func learningCurves() throws {
    let workspace = try Workspace()
    try twoRuns(workspace)
    func plot(_ arguments: String..., path: String? = nil) throws -> Ended {
      try Program.run(["plot"] + arguments, in: workspace, environment: path.map { ["PATH": $0] } ?? [:])
    }
    let both = try plot("runs/a", "runs/b/", "--out", "both.svg")
    #expect(both.code == 0 && both.output == "both.svg\n", "\(both.errors)")
    // Each regular evaluation is a point; confirmations are left out.
    #expect(curves(workspace, "both.svg") == [9, 5])
    #expect(both.errors.contains("runs/b/evaluations.jsonl: 4 damaged lines left out"), "\(both.errors)")
    #expect(XMLParser(data: Data(workspace.read("both.svg").utf8)).parse())
    #expect(workspace.read("both.svg").contains("threshold 475"))

    let steps = try plot(
      "runs/a", "runs/b", "--x", "env_steps", "--mean", "--title", "a & b", "--out", "mean.svg")
    #expect(steps.code == 0 && curves(workspace, "mean.svg") == [200])
    #expect(steps.errors.contains("runs/b/evaluations.jsonl: 1 lines without envSteps or return left out"))
    #expect(workspace.read("mean.svg").contains("a &amp; b"))

    let byName = try plot("runs/a", "runs/b", "--mean", "--by-name", "--range", "--out", "names.svg")
    #expect(byName.code == 0 && curves(workspace, "names.svg") == [200, 200])
    #expect(workspace.read("names.svg").contains("least to greatest run"))

    if (try? ProcessSpawn("rsvg-convert", ["--version"]).start().wait()) != nil {
      #expect(try plot("runs/a", "--out", "a.png").code == 0)
      let png = FileManager.default.contents(atPath: workspace.file("a.png")) ?? Data()
      #expect(png.starts(with: [0x89, 0x50, 0x4E, 0x47]) && png.count > 5000)
    } else {
      print("skipped: no PNG is drawn, rsvg-convert is not installed")
    }
    let missing = try plot("runs/a", "--out", "b.png", path: workspace.path)
    #expect(missing.code == 2 && missing.errors.contains("install librsvg2-bin"), "\(missing.errors)")
    #expect(!workspace.exists("b.png"))
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: workspace.path).allSatisfy {
        !$0.hasPrefix("b.png")
      })
  }

  @Test func refusals() throws {
    let workspace = try Workspace()
    try twoRuns(workspace)
    try FileManager.default.createDirectory(
      atPath: workspace.file("runs/new"), withIntermediateDirectories: true)
    try workspace.write("name: new\n", to: "runs/new/config.yaml")
    let cases: [([String], String)] = [
      ([], "expected runs' folders"), (["runs/none"], "'runs/none': expected a run's folder"),
      (["runs/new"], "runs/new/evaluations.jsonl: expected lines with seconds and return, found none"),
      (["runs/a", "--out", "a.pdf"], "expected a name that ends in .svg or .png, found 'a.pdf'"),
      (["runs/a", "--range"], "--range: expected --mean too"),
      (["runs/a", "--x", "hours"], "--x: expected one of seconds, env_steps, updates, found 'hours'"),
      (["runs/a", "--metric", "retrun"], "did you mean return?"),
      (["runs/a", "--metric", "env_steps_per_second"], "runs/a/metrics.jsonl"),
    ]
    for (arguments, text) in cases {
      let ended = try Program.run(["plot"] + arguments, in: workspace)
      #expect(ended.code == 2 && ended.errors.contains(text), "\(arguments): \(ended.errors)")
    }
  }

  /// CartPole in two sessions, the first of which is killed; then `eval` of the solving network,
  /// and the curve.
  @Test(.enabled(if: Program.runsLongTests, "takes an optimised build: make test-long"))
  func cartPoleInTwoSessions() throws {
    let workspace = try Workspace()
    let run = try LiveRun(workspace, base: [], settings: ["algorithm.hidden=[64,64]"])
    try run.status("learning") { $0.updates > 2000 }
    #expect(try run.end(SIGKILL).status == .signaled(SIGKILL))
    let resumed = try Program.run(["run", "--resume", "runs/test"], in: workspace, within: 180)
    #expect(resumed.code == 0, "\(resumed.output)")
    let eval = try Program.run(["eval", "runs/test", "--episodes", "200", "--json"], in: workspace)
    let report = try #require(try Text.objects(eval.output).first)
    #expect(report["checkpoint"] as? String == "runs/test/checkpoints/solved.safetensors")
    #expect((report["meanReturn"] as? Double ?? 0) >= 450)
    #expect(try Program.run(["plot", "runs/test", "--out", "a.svg"], in: workspace).code == 0)
    let evaluations = try Text.objects(Text.read("\(run.folder)/evaluations.jsonl"))
    #expect(curves(workspace, "a.svg") == [evaluations.filter { $0["kind"] as? String == "regular" }.count])
  }
}
