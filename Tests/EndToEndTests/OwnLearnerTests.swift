// A run whose learner is started by the user.

import Foundation
import Foundations
import Glibc
import Testing
import Wire

@Suite struct OwnLearnerTests {
  /// `rookery run --learners 0` says how to join, and learns once a learner has joined.
  @Test func aRunWithoutLearners() throws {
    let workspace = try Workspace()
    let run = try LiveRun(workspace, arguments: ["--learners", "0"])
    try run.status("actors that act") { $0.counter("actor", "env_steps_total") > 0 }
    #expect(run.process("learner") == nil)
    let replay = try #require(run.process("actor")?.variables["ROOKERY_REPLAY_ADDRESS"])
    try eventually("what to do") {
      run.command.output.contains(", 0 learners, in ")
        && run.command.output.contains(
          "no learner is started: bring your own, which samples from \(replay) and")
        && run.command.output.contains("eval \"$(rookery env learner)\"")
    }
    let variables = try Program.run(["env", "learner"], in: workspace).output
    var spawn = ProcessSpawn(
      "/bin/sh", ["-c", "\(variables)exec \(Program.path) learner"], environment: Program.clean,
      workingDirectory: workspace.path)
    spawn.standardError = .append(path: workspace.file("learner.err"))
    let learner = try spawn.start()
    defer { _ = try? learner.kill() }
    try run.status("updates of a learner of one's own") { $0.updates > 50 && $0.version > 1 }
    try learner.terminate()
    #expect(try learner.wait() == .exited(code: 0), "\(workspace.read("learner.err"))")
    _ = try run.end()
    #expect(try run.summary()["updates"] as? Double ?? 0 > 50)
  }

  @Test func upWithoutLearners() throws {
    let workspace = try Workspace()
    let up = try Program.run(
      ["up", "-d", "--scale", "learner=0", "-p", "mine"], in: workspace,
      environment: ["ROOKERY_CONFIG": "config/cartpole.yaml"])
    defer { _ = try? Program.run(["down", "-p", "mine"], in: workspace) }
    #expect(up.code == 0, "\(up.output)\(up.errors)")
    #expect(up.output.contains("no learner is started: bring your own, which samples from ipc://"))
    let scaled = try Program.run(["scale", "learner=1", "-p", "mine"], in: workspace)
    #expect(scaled.output == "learner: 0 → 1\n")
    let again = try Program.run(["up", "-d", "-p", "mine"], in: workspace)
    #expect(again.code == 0 && !again.output.contains("no learner is started"))
  }
}
