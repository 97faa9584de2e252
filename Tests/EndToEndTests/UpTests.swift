// `rookery up` and the commands for a live run.

import Foundation
import Foundations
import Glibc
import Services
import Testing
import Wire

@Suite(.serialized) struct UpTests {
  /// A run in the background, stopped when dropped.
  private final class Up {
    let workspace: Workspace
    let folder: String

    init(_ workspace: Workspace, _ arguments: [String] = []) throws {
      self.workspace = workspace
      folder = workspace.file("runs/rookery")
      let ended = try Program.run(
        ["up", "-d"] + arguments, in: workspace, environment: ["ROOKERY_CONFIG": "config/cartpole.yaml"])
      #expect(ended.code == 0, "\(ended.output)\(ended.errors)")
    }

    deinit {
      _ = try? Program.run(["down"], in: workspace)
    }

    /// By name, without health checks, which have the variables of their service and later ids.
    var identifiers: [String: Int32] {
      Dictionary(processes.map { ("\($0.service)-\($0.replica)", $0.pid) }, uniquingKeysWith: min)
    }

    var processes: [RunProcess] { ProcessTable.processes(where: "ROOKERY_RUN_DIRECTORY", is: folder) }

    func command(_ arguments: String...) throws -> Ended { try Program.run(arguments, in: workspace) }

    func reports() throws -> [[String: Any]] { try Text.objects(command("ps", "--json").output) }

    func status(_ what: String, where body: (Status) -> Bool) throws {
      let address = try #require(
        processes.first { $0.service == "actor" || $0.service == "learner" }?
          .variables["ROOKERY_PARAMETERS_ADDRESS"])
      let client = try StatusClient(address: address)
      try eventually(what) {
        client.ask()
        return client.poll().map(body) ?? false
      }
    }
  }

  @Test func inTheBackgroundFromBeginningToEnd() throws {
    let workspace = try Workspace()
    let up = try Up(workspace, ["--scale", "actor=1"])
    #expect(Set(up.processes.map(\.service)) == ["actor", "evaluator", "learner", "parameters", "replay"])
    try up.status("the first update") { $0.updates > 0 }

    // Added actors act with published weights.
    #expect(try up.command("scale", "actor=3").output == "actor: 1 → 3\n")
    try up.status("three actors that act with the newest weights") { status in
      let actors = status.telemetry("actor").filter { ($0.counters["env_steps_total"] ?? 0) > 0 }
      return actors.count == 3 && actors.allSatisfy { $0.counters["weights_version"] ?? 0 > 1 }
    }
    // An actor started by hand, with the variables of `env`.
    let variables = try up.command("env").output
    #expect(variables.contains("export ROOKERY_REPLICA='4'\n"))
    var spawn = ProcessSpawn(
      "/bin/sh", ["-c", "\(variables)exec \(Program.path) actor"], workingDirectory: workspace.path)
    spawn.standardError = .append(path: workspace.file("hand.err"))
    let hand = try spawn.start()
    try up.status("a fourth actor") { status in
      status.telemetry("actor").contains { $0.label == "actor-4" && $0.counters["env_steps_total"] ?? 0 > 0 }
    }
    try hand.terminate()
    #expect(try hand.wait() == .exited(code: 0), "\(workspace.read("hand.err"))")

    // Removing, down to none, and adding again.
    #expect(try up.command("scale", "actor=+1").output == "actor: 3 → 4\n")
    #expect(try up.command("scale", "actor=-2").output == "actor: 4 → 2\n")
    #expect(try up.command("scale", "actor=-9").output == "actor: 2 → 0\n")
    #expect(!up.processes.contains { $0.service == "actor" })
    #expect(try up.command("scale", "actor=2", "evaluator=0").output == "actor: 0 → 2\nevaluator: 1 → 0\n")

    // Restarting one process, and a service.
    // During `exec` the kernel shows a process without variables.
    var before: [String: Int32] = [:]
    try eventually("all processes to show their variables") {
      before = up.identifiers
      return Set(before.keys) == ["actor-1", "actor-2", "learner-1", "parameters-1", "replay-1"]
    }
    #expect(try up.command("restart", "actor-2", "learner").code == 0)
    var after: [String: Int32] = [:]
    try eventually("the restarted processes to show their variables") {
      after = up.identifiers
      return Set(after.keys) == Set(before.keys)
    }
    for name in before.keys {
      #expect((before[name] == after[name]) == !["actor-2", "learner-1"].contains(name), "\(name)")
    }
    let reports = try up.reports()
    #expect(reports.allSatisfy { $0["state"] as? String == "running" })
    #expect(reports.first { $0["service"] as? String == "learner" }?["restarts"] as? Int == 1)

    #expect(try up.command("logs", "-n", "1", "learner").output.contains("learner-1 │ "))
    #expect(try up.command("down").code == 0)
    #expect(up.processes.isEmpty)
    #expect(try up.command("ps").errors.contains("no run is live"))
    // The logs stay.
    #expect(try up.command("logs", "-p", "rookery", "replay").output.contains("listening on"))
  }

  /// Started again, it resumes: the named volume is the run's folder.
  @Test func upAgain() throws {
    let workspace = try Workspace()
    let settings = ["--set", "replay.storage=file"]
    do {
      let up = try Up(workspace, settings)
      try up.status("some updates") { $0.updates > 100 }
      let down = try up.command("down")
      #expect(down.code == 0, "\(down.errors)")
    }
    let up = try Up(workspace, settings)
    try eventually("that the learner and the replay go on") {
      Text.read("\(up.folder)/logs/learner-1.log").contains("resumed after")
        && Text.read("\(up.folder)/logs/replay-1.log").contains("recovered ")
    }
    // If it is up already, `-d` changes replicas, and the foreground is refused.
    #expect(try up.command("up", "-d", "--scale", "actor=1").code == 0)
    #expect(up.processes.filter { $0.service == "actor" }.count == 1)
    for arguments in [[], ["-d"] + settings, ["-d", "--transport", "ipc"]] {
      let refused = try Program.run(["up"] + arguments, in: workspace)
      #expect(refused.code == 1 && refused.errors.contains("is up already"))
    }
  }

  /// A kill -9 of the launcher leaves no process, and does not hinder the next start.
  @Test func theLauncherIsKilled() throws {
    let workspace = try Workspace()
    let up = try Up(workspace)
    let parent = try #require(up.processes.first.map { ProcessTable.parent(of: $0.pid) })
    #expect(Glibc.kill(parent, SIGKILL) == 0)
    try eventually("that nothing is left") { up.processes.isEmpty }
    let again = try Up(workspace)
    #expect(again.processes.count == 6)
  }

  @Test func inTheForeground() throws {
    let workspace = try Workspace()
    let command = try Started(["up", "-p", "front"], in: workspace)
    try eventually("its processes' lines") { command.output.contains("learner-1    │ ") }
    try command.child.send(SIGINT)
    let ended = try command.end()
    #expect(ended.code == 0)
    #expect(ended.output.hasSuffix("everything has stopped\n"))
    #expect(ProcessTable.processes(where: "ROOKERY_RUN_DIRECTORY", is: workspace.file("runs/front")).isEmpty)
  }

  /// If a process fails, its last lines are printed, and the command fails.
  @Test func aServiceThatCrashLoops() throws {
    let workspace = try Workspace()
    let file = try workspace.write(
      """
      services:
        good: {command: sleep 1000}
        bad: {command: [sh, -c, "echo the reason; exit 3"], restart: on-failure}
      """, to: "c.yaml")
    let ended = try Program.run(["up", "-d", "-f", file], in: workspace)
    defer { _ = try? Program.run(["down"], in: workspace) }
    #expect(ended.code == 1)
    #expect(ended.output.contains("bad-1 failed") && ended.output.contains("  | the reason"))
    #expect(ended.output.contains("good-1   running"))
  }

  /// `up -d` returns and names the blocked process.
  @Test func aServiceThatCannotStart() throws {
    let workspace = try Workspace()
    let file = try workspace.write(
      """
      services:
        a: {command: "false"}
        b: {command: sleep 1000, depends_on: {a: {condition: service_completed_successfully}}}
        c: {command: sleep 1000}
      """, to: "c.yaml")
    let ended = try Program.run(["up", "-d", "-f", file, "-p", "x"], in: workspace)
    defer { _ = try? Program.run(["down", "-p", "x"], in: workspace) }
    #expect(ended.code == 1)
    #expect(ended.output.contains("b-1 does not start: a service it depends on has ended"))
    #expect(try Program.run(["ps", "-p", "x"], in: workspace).output.contains("b-1      blocked"))
  }

  /// A launcher whose output is not read goes on supervising and answering.
  @Test func aReaderThatDoesNotRead() throws {
    let workspace = try Workspace()
    let file = try workspace.write(
      "services: {loud: {command: [sh, -c, 'yes | head -c 3000000; exec sleep 1000']}}", to: "c.yaml")
    var ends: [Int32] = [0, 0]
    #expect(pipe(&ends) == 0)
    var spawn = ProcessSpawn(
      Program.path, ["up", "-f", file, "-p", "loud"], environment: Program.clean,
      workingDirectory: workspace.path)
    spawn.standardOutput = .descriptor(ends[1])
    spawn.standardError = .append(path: workspace.file("loud.err"))
    let command = try spawn.start()
    defer {
      _ = try? command.kill()
      _ = try? command.wait()
    }
    close(ends[1])
    try eventually("its lines") {
      workspace.read("runs/loud/logs/loud-1.log").utf8.count >= 3_000_000
    }
    #expect(try Program.run(["ps", "-p", "loud"], in: workspace).output.contains("loud-1   running"))
    #expect(try Program.run(["restart", "-p", "loud"], in: workspace).code == 0)
    try command.terminate()
    try eventually("its end") {
      ProcessTable.processes(where: "ROOKERY_RUN_DIRECTORY", is: workspace.file("runs/loud")).isEmpty
    }
    // The launcher has more output, but the reader has gone.
    close(ends[0])
    #expect(try command.wait() == .exited(code: 0))
  }

  @Test func wrongWords() throws {
    let workspace = try Workspace()
    func said(_ arguments: String..., environment: [String: String] = [:]) throws -> String {
      let ended = try Program.run(arguments, in: workspace, environment: environment)
      #expect(ended.code != 0 && ended.output.isEmpty, "\(arguments)")
      return ended.errors
    }
    #expect(try said("up", "-f", "none.yaml").contains("none.yaml"))
    #expect(try said("up", "-x").contains("unknown flag -x"))
    #expect(try said("up", "--scale", "actor").contains("expected SERVICE=N"))
    #expect(try said("up", "--scale", "actr=2").contains("did you mean 'actor'?"))
    #expect(try said("up", "-d", "--scale", "actr=2").contains("did you mean 'actor'?"))
    #expect(try said("up", "-p", "../x").contains("expected letters, digits"))
    #expect(try said("scale").contains("rookery scale SERVICE=N"))
    #expect(try said("scale", "actor=x").contains("found 'actor=x'"))
    #expect(try said("up", "--scale", "actor=+1").contains("a sign before N"))
    #expect(try said("scale", "actor=1", "actor=2").contains("twice"))
    for command in ["ps", "down", "restart", "env", "logs"] {
      #expect(try said(command).contains("no run is live"), "\(command)")
      #expect(try said(command, "-p", "x").contains("runs/x, found none"), "\(command)")
    }
  }

  @Test func ofSeveralRunsOneIsChosen() throws {
    let workspace = try Workspace()
    let file = try workspace.write("services: {s: {command: sleep 1000}}", to: "c.yaml")
    for name in ["a", "b"] {
      #expect(try Program.run(["up", "-d", "-f", file, "-p", name], in: workspace).code == 0)
    }
    defer { for name in ["a", "b"] { _ = try? Program.run(["down", "-p", name], in: workspace) } }
    #expect(try Program.run(["ps"], in: workspace).errors.contains("found a, b; choose one with -p NAME"))
    #expect(try Program.run(["scale", "-p", "b", "s=2"], in: workspace).output == "s: 1 → 2\n")
    #expect(try Program.run(["scale", "-p", "b", "t=2"], in: workspace).errors.contains("found 't'"))
    let lines = try Program.run(["ps", "-p", "a"], in: workspace).output.split(separator: "\n")
    #expect(lines.count == 2)
  }

  /// More and fewer actors, a kill -9 of each service and a restart of the learner while the run
  /// learns: it is solved.
  @Test func aRunThatIsScaledAndKilledSolves() throws {
    let run = try LiveRun(
      try Workspace(), base: [],
      settings: [
        "evaluator.threshold=475", "evaluator.interval_ms=1000", "telemetry.interval_ms=50",
        // Slow enough to be still learning after all of this.
        "learner.updates_per_second_max=1500", "stop.seconds=300",
      ])
    func command(_ arguments: String...) throws {
      let ended = try Program.run(arguments, in: run.workspace)
      #expect(ended.code == 0, "\(ended.errors)")
    }
    try run.started()
    try command("scale", "actor=6")
    try run.status("six actors") { $0.telemetry("actor").count >= 6 }
    try command("scale", "actor=1")
    for service in ["actor", "learner", "parameters", "replay", "evaluator"] {
      let victim = try #require(run.process(service))
      #expect(Glibc.kill(victim.pid, SIGKILL) == 0)
      try eventually("another \(service)") {
        run.processes.contains { $0.service == service && $0.pid != victim.pid }
      }
    }
    try command("restart", "learner")
    try command("scale", "actor=2")
    let ended = try run.command.end(within: 320)
    #expect(ended.code == 0, "\(ended.output.suffix(500))")
    let summary = try run.summary()
    #expect(summary["solved"] as? Bool == true && summary["restarts"] as? Int == 5)
  }
}
