// A live run.

import Foundation
import Foundations
import Glibc
import Services
import Testing
import Wire

/// `rookery run` with a tiny network and frequent reports; dropping it kills everything it started.
final class LiveRun {
  static let services = ["actor", "actor", "evaluator", "learner", "parameters", "replay"]

  /// Small enough for a debug build, and never solved.
  static let small = [
    "algorithm.hidden=[16]", "algorithm.n_step=3", "algorithm.discount=0.99",
    "replay.rate_limiter.min_size=200", "actor.environments=4",
    "actor.message_steps=128",
    "telemetry.interval_ms=50", "evaluator.threshold=null", "evaluator.confirm_threshold=null",
    "evaluator.episodes=2",
    "learner.checkpoint_interval_s=0.1", "learner.updates_per_second_max=400", "stop.seconds=300",
  ]

  let workspace: Workspace
  let command: Started
  let folder: String
  private var client: StatusClient?
  private(set) var versions: [UInt64] = []

  init(
    _ workspace: Workspace, name: String = "test", config: String = "config/cartpole.yaml",
    base: [String] = LiveRun.small, settings: [String] = [],
    arguments: [String] = [], environment: [String: String] = [:]
  ) throws {
    self.workspace = workspace
    let all = (base + settings).flatMap { ["--set", $0] }
    command = try Started(
      ["run", config, "--name", name] + all + arguments, in: workspace,
      environment: environment)
    folder = workspace.file("runs/\(name)")
  }

  /// Resumes a run that has ended.
  init(resuming run: LiveRun, settings: [String] = []) throws {
    (workspace, folder) = (run.workspace, run.folder)
    command = try Started(
      ["run", "--resume", folder] + settings.flatMap { ["--set", $0] }, in: workspace)
  }

  /// Resumes the run after its end, and returns the command's output at its end.
  func resume(_ settings: String...) throws -> Ended {
    try Program.run(
      ["run", "--resume", folder] + settings.flatMap { ["--set", $0] }, in: workspace, within: 120)
  }

  deinit {
    // A process that still writes would make the folder again.
    _ = try? command.child.kill()
    try? eventually("no process of the run", within: 10) { processes.isEmpty }
  }

  var processes: [RunProcess] { ProcessTable.processes(where: "ROOKERY_RUN_DIRECTORY", is: folder) }

  /// Its processes without health checks, which come and go: one may end while it is looked at.
  var services: Set<RunProcess> {
    Set(
      processes.filter {
        let arguments = ProcessTable.arguments(of: $0.pid)
        return !arguments.isEmpty && !arguments.contains("health")
      })
  }

  func process(_ service: String) -> RunProcess? {
    processes.filter { $0.service == service }.min { $0.replica < $1.replica }
  }

  func log(_ instance: String) -> String { Text.read("\(folder)/logs/\(instance).log") }

  /// The newest answer of the parameter server, or nil while none has come.
  func poll() throws -> Status? {
    if client == nil {
      guard let address = process("actor")?.variables["ROOKERY_PARAMETERS_ADDRESS"] else { return nil }
      client = try StatusClient(address: address)
    }
    client?.ask()
    guard let status = client?.poll() else { return nil }
    versions.append(status.version)
    return status
  }

  /// Waits for a status that meets a condition.
  @discardableResult
  func status(_ what: String, within seconds: Double = 60, where body: (Status) -> Bool) throws -> Status {
    try eventually("a status: \(what); the run said: \(command.errors.suffix(400))", within: seconds) {
      if try command.child.poll() != nil {
        throw TimedOut(description: "the run ended: \(command.output.suffix(800))")
      }
      return try poll().flatMap { body($0) ? $0 : nil }
    }
  }

  /// Waits until updates are made and every service has reported.
  @discardableResult
  func started() throws -> Status {
    try status("all services and updates") { status in
      let found = status.processes.filter { $0.age_s < 1 }.map(\.telemetry.service)
      return Set(found).isSuperset(of: Self.services) && status.updates > 50
    }
  }

  /// Waits until it has trained and acted further.
  func progress(_ what: String) throws {
    let before = try status("\(what): any") { _ in true }
    try status("\(what): progress") { status in
      status.updates > before.updates + 50 && status.version > before.version
        && status.counter("actor", "env_steps_total") > before.counter("actor", "env_steps_total", of: status)
          + 100
    }
  }

  func end(_ signal: Int32 = SIGTERM, within seconds: Double = 60) throws -> Ended {
    try command.child.send(signal)
    return try command.end(within: seconds)
  }

  func summary() throws -> [String: Any] {
    try #require(try Text.objects(Text.read("\(folder)/summary.json")).first)
  }
}

extension Status {
  /// Sum over the incarnations of a service's processes in this status; with `other`, only over
  /// those that are in both.
  func counter(_ service: String, _ name: String, of other: Status? = nil) -> Double {
    let known = other.map { Set($0.processes.map(\.telemetry.id)) }
    return processes.filter { $0.telemetry.service == service && known?.contains($0.telemetry.id) != false }
      .reduce(0) { $0 + ($1.telemetry.counters[name] ?? 0) }
  }

  func telemetry(_ service: String) -> [ShownTelemetry] {
    processes.filter { $0.telemetry.service == service }.map(\.telemetry)
  }
}
