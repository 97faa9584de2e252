// Invalid input: nothing starts, and the message says where, what was expected, what was found and
// what to do.

import Foundation
import Foundations
import Testing

@Suite struct RefusalTests {
  struct Case: CustomTestStringConvertible, Sendable {
    var arguments: [String]
    var variables: [String: String] = [:]
    var code: Int32 = 2
    /// Parts of the error output; the rest may depend on the machine.
    var says: [String]

    init(_ arguments: String, _ variables: [String: String] = [:], code: Int32 = 2, says: String...) {
      self.arguments = arguments.split(separator: " ").map(String.init)
      self.variables = variables
      self.code = code
      self.says = says
    }

    var testDescription: String { arguments.joined(separator: " ") }
  }

  private static let run = "run config/cartpole.yaml"

  static let cases = [
    Case("rnu", says: "unknown command 'rnu'; did you mean 'run'?"),
    Case("", says: ""),
    Case("run", says: "expected one configuration file: rookery run config/cartpole.yaml"),
    Case("\(run) more", says: "expected one configuration file"),
    Case("\(run) --actor 3", says: "unknown flag --actor; did you mean --actors?"),
    Case("\(run) -x", says: "unknown flag -x; see rookery help"),
    Case("\(run) --json=yes", says: "--json: expected no value, found 'yes'"),
    Case("\(run) --seed", says: "--seed: expected a value"),
    Case("\(run) --seed x", says: "--seed: expected an integer from 0 to 9223372036854775807, found 'x'"),
    Case("\(run) --actors -1", says: "--actors: expected an integer from 0 to 1000, found '-1'"),
    Case(
      "\(run) --set algorithm.network=nature",
      says: "a network for observations [4] of CartPole-v1, found nature"),
    Case("up --set replay.storge=file", says: "did you mean 'replay.storage'?"),
    Case("up --set replay.capacity=many", says: "replay.capacity: expected a whole number"),
    Case(
      "up --set replay.capacity=5",
      says:
        "--set replay.capacity=5: replay.capacity: expected at least 64: a batch (algorithm.batch) must fit"),
    Case(
      "up -d", ["ROOKERY_CONFIG": "config/none.yaml"],
      says: "config/none.yaml: expected a readable file, found No such file"),
    Case("up --set actor.replicas=3", says: "expected --scale SERVICE=N"),
    Case(
      "learner stray",
      says: "expected rookery learner [--config CONFIG.yaml] [--set key=value], found 'stray'"),
    Case("health 127.0.0.1:1", says: "address '127.0.0.1:1': expected tcp://HOST:PORT or ipc://PATH"),
    Case("config shwo", says: "expected rookery config show [CONFIG.yaml] [--set key=value]"),
    Case(
      "run config/none.yaml", says: "config/none.yaml: expected a readable file, found No such file",
      "check the path"),
    Case("run config", says: "config: expected a readable file, found Is a directory"),
    Case(
      "\(run) --set algorithm.n_stp=3",
      says:
        "--set algorithm.n_stp=3: expected a known key, found 'algorithm.n_stp'; did you mean 'algorithm.n_step'?"
    ),
    Case(
      "\(run) --set algorithm.n_step=0",
      says: "--set algorithm.n_step=0: algorithm.n_step: expected a whole number from 1 to 1000, found 0"),
    Case(
      "\(run) --set replay.capacity=10",
      says: "replay.capacity: expected at least 64: a batch (algorithm.batch) must fit, found 10; raise it"),
    Case(
      "\(run) --set replay.rate_limiter.error_buffer=5",
      says: "replay.rate_limiter.error_buffer: expected at least ", "deadlocks", "found 5; raise it"),
    Case(
      "\(run) --set environment.id=CartPole-v7", ["ROOKERY_PYTHON": "/none/python3"],
      says:
        "environment.python: expected a Python with Gymnasium for CartPole-v7, found the Python interpreter "
        + "'/none/python3' cannot be started: No such file or directory; install Python 3.10 or newer with gymnasium",
      "did you mean 'CartPole-v1', which is built in?"),
    Case(
      "\(run) --set environment.backend=native --set environment.id=CartPole-v0",
      says: "--set environment.id=CartPole-v0: environment.id: expected one of CartPole-v1, Acrobot-v1, "
        + "MountainCar-v0, found 'CartPole-v0'; did you mean 'CartPole-v1'?"),
    Case(
      "\(run) --set replay.capacity=1000000000000",
      says: "--set replay.capacity=1000000000000: replay.capacity: expected ",
      "found 1000000000000 steps"),
    Case(
      "\(run) --set replay.capacity=2000000000 --set actor.replicas=0",
      says: "replay.capacity: expected at most ",
      "of memory, which this machine has available, found 2000000000 steps = ", "lower it to "),
    Case("\(run) --compose none.yaml", says: "none.yaml: expected a readable file, found No such file"),
    Case(
      run, ["ROOKERY_ACTOR__REPLICAS": "many"],
      says: "env ROOKERY_ACTOR__REPLICAS: actor.replicas: expected a whole number from 0 to 1000, found many"),
    Case(
      run, ["ROOKERY_ACTOR__REPLICA": "2"],
      says:
        "env ROOKERY_ACTOR__REPLICA: expected a known key, found 'actor.replica'; did you mean ROOKERY_ACTOR__REPLICAS?"
    ),
    Case(
      "actor", ["ROOKERY_REPLAY_ADDRESS": "here"],
      says: "ROOKERY_REPLAY_ADDRESS: address 'here': expected tcp://HOST:PORT or ipc://PATH"),
    Case("actor", ["ROOKERY_REPLICA": "0"], says: "ROOKERY_REPLICA: expected an integer ≥ 1, found '0'"),
    Case(
      "parameters", ["ROOKERY_RUN_DIRECTORY": "/none"], code: 1,
      says:
        "/none/parameters.rookery: opening the file failed: No such file or directory; check that the folder ROOKERY_RUN_DIRECTORY"
    ),
  ]

  /// One shard would fit into the memory, three do not.
  @Test func threeShardsThatDoNotFit() throws {
    let workspace = try Workspace()
    let compose = Text.read("\(Program.root)/compose/compose.yaml")
      .replacing("command: rookery replay\n", with: "command: rookery replay\n    scale: 3\n")
      .replacing("context: ..", with: "context: .").replacing("../config", with: "./config")
    try workspace.write(compose, to: "three.yaml")
    // About 50 bytes per step; a store has at most 2³¹ steps.
    let steps = min(2_000_000_000, try #require(MachineMemory.availableBytes()) / 80)
    let ended = try Program.run(
      ["run", "config/cartpole.yaml", "--compose", "three.yaml", "--set", "replay.capacity=\(steps)"],
      in: workspace)
    #expect(
      ended.code == 2 && ended.errors.contains("\(steps) steps in each of 3 shards = "), "\(ended.errors)")
    #expect(!workspace.exists("runs"))
  }

  @Test(arguments: cases) func refuses(_ test: Case) throws {
    let workspace = try Workspace()
    let ended = try Program.run(test.arguments, in: workspace, environment: test.variables, within: 30)
    #expect(ended.code == test.code, "\(ended.errors)")
    for text in test.says { #expect(ended.errors.contains(text) || text.isEmpty, "\(ended.errors)") }
    #expect(ended.errors.isEmpty || ended.errors.hasPrefix("rookery: "))
    #expect(!workspace.exists("runs"), "nothing may have been started")
  }

  @Test func badYAML() throws {
    let workspace = try Workspace()
    try workspace.write("algorithm:\n  hidden: [64, 64\n  n_step: 3\n", to: "bad.yaml")
    try workspace.write("actor:\n  replicas: many\nlearner: 3\n", to: "types.yaml")
    let syntax = try Program.run(["run", "bad.yaml"], in: workspace)
    #expect(syntax.code == 2)
    #expect(
      syntax.errors.hasPrefix("rookery: bad.yaml:3:9: expected valid YAML, found an error: "),
      "\(syntax.errors)")
    let types = try Program.run(["run", "types.yaml"], in: workspace)
    #expect(types.code == 2)
    #expect(
      types.errors.contains(
        "types.yaml:2:13: actor.replicas: expected a whole number from 0 to 1000, found many"))
    #expect(
      types.errors.contains("types.yaml:3:10: learner: expected a section with keys of its own, found 3"))
  }

  /// A compose file without a service that the run needs.
  @Test func composeFiles() throws {
    let workspace = try Workspace()
    try workspace.write("services: {replay: {command: rookery replay}}", to: "few.yaml")
    let few = try Program.run(["run", "config/cartpole.yaml", "--compose", "few.yaml"], in: workspace)
    #expect(few.code == 2)
    #expect(
      few.errors
        == "rookery: few.yaml: expected the service 'parameters', which this run needs, found only replay; add it, or leave "
        + "out --compose to use compose/compose.yaml\n")
    #expect(!workspace.exists("runs"))
  }

  @Test func runsFolderCannotBeMade() throws {
    let workspace = try Workspace()
    try workspace.write("", to: "runs")
    let ended = try Program.run(["run", "config/cartpole.yaml"], in: workspace)
    #expect(ended.code == 1)
    #expect(ended.errors == "rookery: cannot make the folder 'runs/cartpole': Not a directory (errno 20)\n")
  }

  /// A service that ends at once is restarted a few times; then the run fails and shows its last
  /// output.
  @Test func aCrashLoopSaysWhy() throws {
    let workspace = try Workspace()
    let base = try String(contentsOfFile: "\(Program.root)/compose/compose.yaml", encoding: .utf8)
    let crashing = base.replacingOccurrences(
      of: "command: rookery evaluator", with: "command: rookery evaluator --config /none.yaml")
    try workspace.write(crashing, to: "crashing.yaml")
    let run = try LiveRun(workspace, arguments: ["--compose", "crashing.yaml"])
    let ended = try run.command.end()
    #expect(ended.code == 1)
    let reason = "/none.yaml: expected a readable file, found No such file or directory"
    #expect(
      ended.output.contains(
        "evaluator-1 ended (exit code 2); it starts again in 0.1 s\n  | rookery: \(reason)"))
    #expect(
      ended.output.contains(
        "evaluator-1 failed: 6 starts in a row ended at once; it is not started again\n  | rookery: \(reason)"
      ))
    #expect(ended.output.contains("failed after "))
    #expect(try run.summary()["outcome"] as? String == "failed")
    try eventually("no process of the run", within: 10) { run.processes.isEmpty }
  }
}
