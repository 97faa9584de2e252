// Runs with Gymnasium's environments, and failures of their Python workers.

import Foundation
import Foundations
import Glibc
import Testing
import Wire

private let python: String? = {
  guard let path = ProcessInfo.processInfo.environment["ROOKERY_PYTHON"] else {
    print("skipped: no run with Gymnasium, ROOKERY_PYTHON is not set")
    return nil
  }
  var probe = ProcessSpawn(path, ["-c", "import gymnasium"])
  probe.standardError = .discard
  guard (try? probe.start().wait().isSuccess) == true else {
    print("skipped: no run with Gymnasium, '\(path)' cannot import it")
    return nil
  }
  return path
}()

@Suite(.enabled(if: python != nil, "ROOKERY_PYTHON names no Python with gymnasium"))
struct GymnasiumRunTests {
  private func start(_ workspace: Workspace, _ settings: String...) throws -> LiveRun {
    let base = [
      "environment.workers=2", "actor.environments=6", "actor.replicas=1",
    ]
    // The run's processes inherit the variable with the interpreter.
    return try LiveRun(workspace, settings: base + settings, environment: ["ROOKERY_PYTHON": python!])
  }

  private func workers(of run: LiveRun, under parent: RunProcess? = nil) -> [RunProcess] {
    run.processes.filter {
      $0.service == "worker" && (parent == nil || $0.variables["ROOKERY_REPLICA"] == parent?.replica)
    }
  }

  private func acting(_ run: LiveRun, failures: Double = 0) throws {
    try run.status("steps after \(failures) failures", within: 90) { status in
      status.counter("actor", "environment_failures_total") >= failures && status.updates > 50
    }
    try run.progress("it goes on")
  }

  /// Workers are killed and suspended while the run learns; the actor never restarts, and no
  /// process is left.
  @Test func workersDieAndHang() throws {
    let workspace = try Workspace()
    let run = try start(workspace, "environment.backend=gymnasium", "environment.timeout_s=3")
    try acting(run)
    let effective = Text.read("\(run.folder)/config.yaml")
    #expect(effective.contains("    shape: [4]\n") && effective.contains("  actions: 2\n"), "\(effective)")
    let actor = try #require(run.process("actor"))
    // Two workers of the actor, one of the evaluator.
    try eventually("all workers") { workers(of: run).count == 3 }
    let evaluators = workers(of: run).map(\.pid)
    for round in 1...2 {
      let worker = try #require(
        workers(of: run).first { parent(of: $0.pid) == actor.pid }, "of \(evaluators)")
      kill(worker.pid, SIGKILL)
      try acting(run, failures: Double(round))
    }
    let worker = try #require(workers(of: run).first { parent(of: $0.pid) == actor.pid })
    kill(worker.pid, SIGSTOP)
    try acting(run, failures: 3)
    let status = try run.status("a hang") { $0.counter("actor", "environment_hangs_total") == 1 }
    #expect(status.counter("actor", "episodes_abandoned_total") >= 3)
    #expect(run.process("actor")?.pid == actor.pid, "\(run.log("actor-1"))")
    #expect(run.log("actor-1").contains("was ended: a step took longer than 3 s (environment.timeout_s)"))
    _ = try run.end()
    try eventually("no process of the run", within: 10) { run.processes.isEmpty }
  }

  /// If an actor is killed, its workers end too, even one that hangs.
  @Test func nothingOutlivesTheActor() throws {
    let workspace = try Workspace()
    let run = try start(workspace, "environment.backend=gymnasium")
    try acting(run)
    let actor = try #require(run.process("actor"))
    let own = workers(of: run).filter { parent(of: $0.pid) == actor.pid }
    #expect(own.count == 2)
    kill(own[0].pid, SIGSTOP)
    kill(actor.pid, SIGKILL)
    try eventually("the end of its workers", within: 10) {
      own.allSatisfy { process in !run.processes.contains { $0.pid == process.pid } }
    }
    try run.progress("another actor")
  }

  /// A user's environment with 0.1 s per step does not delay the end of the run.
  @Test func slowOnesStopAtOnce() throws {
    let workspace = try Workspace()
    try workspace.write(Text.read("\(Program.root)/Tests/Fixtures/gymnasium/trouble.py"), to: "trouble.py")
    let run = try start(
      workspace, "environment.id=trouble:Trouble-v0", "environment.arguments.kind=slow",
      "replay.rate_limiter.min_size=64", "algorithm.batch=32", "actor.environments=64")
    // A tick takes 3.2 s.
    try eventually("episodes begin", within: 60) {
      workers(of: run).count == 3 && run.log("actor-1").contains("joined")
    }
    let ended = try run.end()
    #expect(!ended.output.contains("did not stop in time"), "\(ended.output)")
    try eventually("no process of the run", within: 10) { run.processes.isEmpty }
  }

  /// The second environment fails at every first step while the first one works: the actor gives up
  /// with Python's error.
  @Test func oneOfTwoFails() throws {
    let workspace = try Workspace()
    try workspace.write(Text.read("\(Program.root)/Tests/Fixtures/gymnasium/trouble.py"), to: "trouble.py")
    let run = try start(
      workspace, "environment.id=trouble:Trouble-v0", "environment.arguments.kind=second",
      "environment.arguments.when=1", "environment.workers=1", "evaluator.episodes=1", "actor.environments=2",
      "actor.message_steps=4")
    try eventually("the sixth failure", within: 60) {
      run.log("actor-1").contains("6 failures in a row; the last: ValueError: the sky fell")
    }
    let log = run.log("actor-1")
    #expect(log.contains("  | ValueError: the sky fell\n") && !log.contains("Fatal error"), "\(log)")
    _ = try run.end()
  }

  /// For an environment that always fails, the message ends with Python's error.
  @Test func oneThatAlwaysFails() throws {
    let workspace = try Workspace()
    try workspace.write(Text.read("\(Program.root)/Tests/Fixtures/gymnasium/trouble.py"), to: "trouble.py")
    let variables = [
      "ROOKERY_ENVIRONMENT__ID": "trouble:Trouble-v0", "ROOKERY_ENVIRONMENT__ARGUMENTS__KIND": "setup",
      "ROOKERY_PYTHON": python!,
    ]
    let ended = try Program.run(["run", "config/cartpole.yaml"], in: workspace, environment: variables)
    #expect(ended.code == 2)
    #expect(
      ended.errors.contains(
        "environment.id: expected an environment that can be used, found RuntimeError: cannot be made"))
    #expect(ended.errors.hasSuffix("  | RuntimeError: cannot be made\n"), "\(ended.errors)")
    #expect(!workspace.exists("runs"))
  }

  private func parent(of pid: Int32) -> Int32? {
    let text = Text.read("/proc/\(pid)/stat")
    guard let end = text.lastIndex(of: ")") else { return nil }
    return text[text.index(after: end)...].split(separator: " ").dropFirst().first.flatMap { Int32($0) }
  }
}
