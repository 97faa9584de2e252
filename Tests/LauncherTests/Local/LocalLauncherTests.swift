// The launcher on a fake host: commands, variables, addresses, events.

import Foundation
import Foundations
import Launcher
import Testing

@Suite struct LocalLauncherTests {
  let world = FakeWorld()
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  private func launcher(
    _ text: String, _ change: (inout LaunchOptions) -> Void = { _ in }
  ) throws -> LocalLauncher<FakeHost> {
    let compose = try ComposeFile(text: text, file: "c.yaml", variables: [:])
    var options = LaunchOptions(
      runDirectory: folder.path + "/run", executable: "/opt/rookery",
      inherited: ["PATH": "/bin", "ROOKERY_REPLAY__CAPACITY": "5"])
    change(&options)
    let network = try LoopbackNetwork(generator: SeededGenerator.fromSystem())
    return try LocalLauncher(
      compose: compose, options: options, network: network, host: FakeHost(world: world))
  }

  private func at(_ seconds: Double) -> Instant { .zero + .seconds(seconds) }

  private let pipeline = """
    services:
      replay:
        command: rookery replay --peers=tcp://replay:1/x
        environment: {STATE: /data/a, RUN: /var/run, ROOKERY_RUN_DIRECTORY: /var/run, NOT: /database}
        volumes: [data:/data, run:/var/run]
        scale: 2
        restart: always
      actor:
        command: [probe, "tcp://replay:7701", rookery]
        environment:
          ADDRESS: tcp://replay:7701,tcp://other:1
          URL: http://actor/metrics and ipc://replay
          NAME: replay
          ROOKERY_SEED: 3
        depends_on: [replay]
    volumes: {data: , run: }
    """

  @Test func commandsAndVariables() throws {
    var launcher = try launcher(pipeline) { $0.environment = ["EXTRA": "tcp://replay:1", "NAME": "other"] }
    #expect(launcher.tick(now: at(0)).isEmpty)
    let processes = launcher.processes
    #expect(processes.map { "\($0.instance)" } == ["actor-1", "replay-1", "replay-2"])
    #expect(processes.map(\.pid) == [3, 1, 2])
    let hosts = processes.compactMap(\.host)
    let (actor, first, second) = (hosts[0], hosts[1], hosts[2])
    #expect(Set(hosts).count == 3 && hosts.allSatisfy { $0.hasPrefix("127.") })

    let replay = try #require(world.commands[2])
    #expect(replay.arguments == ["/opt/rookery", "replay", "--peers=tcp://\(first):1/x,tcp://\(second):1/x"])
    #expect(replay.log == folder.path + "/run/logs/replay-2.log")
    #expect(
      replay.environment == [
        "PATH": "/opt:/bin", "STATE": folder.path + "/run/volumes/data/a", "RUN": folder.path + "/run",
        "NOT": "/database", "EXTRA": "tcp://replay:1", "NAME": "other", "ROOKERY_BIND_HOST": second,
        "ROOKERY_SERVICE": "replay", "ROOKERY_REPLICA": "2", "ROOKERY_RUN_DIRECTORY": folder.path + "/run",
        "ROOKERY_STOP_GRACE_S": "10.0",
      ])
    let probe = try #require(world.commands[3])
    #expect(probe.arguments == ["probe", "tcp://\(first):7701,tcp://\(second):7701", "rookery"])
    #expect(probe.environment["ADDRESS"] == "tcp://\(first):7701,tcp://\(second):7701,tcp://other:1")
    #expect(probe.environment["URL"] == "http://\(actor)/metrics and ipc://\(first),ipc://\(second)")
    #expect(probe.environment["NAME"] == "other" && probe.environment["ROOKERY_SEED"] == "3")
  }

  /// A file tells processes the present values of their address variables.
  @Test func addressesArePublished() throws {
    let text = pipeline.replacing("NAME: replay", with: "ROOKERY_REPLAY_ADDRESS: tcp://replay:7701")
    var launcher = try launcher(text)
    let path = folder.path + "/run/addresses/actor"
    _ = launcher.tick(now: at(0))
    let actor = try #require(world.commands[3])
    #expect(actor.environment["ROOKERY_ADDRESSES_FILE"] == path)
    #expect(world.commands[1]?.environment["ROOKERY_ADDRESSES_FILE"] == nil, "it has no addresses")
    func published() throws -> String { try String(contentsOfFile: path, encoding: .utf8) }
    let before = try published()
    #expect(before == "ROOKERY_REPLAY_ADDRESS=\(actor.environment["ROOKERY_REPLAY_ADDRESS"] ?? "")\n")
    _ = try launcher.scale("replay", to: 3, now: at(1))
    #expect(try published().split(separator: ",").count == 3)
    // A replica that is being removed is not in it, although its process still runs.
    _ = try launcher.scale("replay", to: 2, now: at(2))
    #expect(launcher.processes.count == 4)
    #expect(try published() == before)
  }

  @Test func restartsKeepTheAddress() throws {
    var launcher = try launcher(pipeline)
    _ = launcher.tick(now: at(0))
    let before = launcher.processes.map(\.host)
    world.end(1, .signal(9))
    let events = launcher.tick(now: at(5))
    #expect(events.map(\.description) == ["replay-1 ended (SIGKILL); it starts again in 0.1 s"])
    #expect(launcher.nextDeadline == at(5.1))
    #expect(launcher.tick(now: at(5.1)).isEmpty)
    #expect(launcher.processes.map(\.host) == before)
    #expect(launcher.processes.map(\.pid) == [3, 4, 2])
  }

  @Test func aCrashLoopShowsItsLog() throws {
    var launcher = try launcher("services: {a: {command: x, restart: always}}") {
      $0.limits.failedStartsMax = 1
    }
    _ = launcher.tick(now: at(0))
    let lines = (1...30).map { "line \($0)\n" }.joined()
    try TemporaryFolder.write(lines, to: launcher.log(of: Instance("a", 1)))
    world.end(1, .code(3))
    #expect(launcher.tick(now: at(0)).map(\.logLines) == [["line 30"]])
    _ = launcher.tick(now: launcher.nextDeadline)
    world.end(2, .code(3))
    let events = launcher.tick(now: at(1))
    let event = try #require(events.last)
    #expect(event.report == .crashLoop(Instance("a", 1), failedStarts: 2))
    #expect(event.logLines == (11...30).map { "line \($0)" })
    #expect(launcher.isIdle && launcher.processes[0].state == .failed)
  }

  @Test func whatCannotBeStartedIsReported() throws {
    world.broken = ["x"]
    var launcher = try launcher("services: {a: {command: x}}")
    let events = launcher.tick(now: at(0))
    #expect(events.map(\.description) == ["a-1 could not be started: cannot start 'x'"])
    #expect(events[0].report.isFinalFailure && launcher.isIdle)
  }

  @Test func scaleRestartAndDown() throws {
    var launcher = try launcher(pipeline)
    _ = launcher.tick(now: at(0))
    _ = try launcher.scale("actor", to: 3, now: at(1))
    #expect(world.commands[5]?.environment["ROOKERY_REPLICA"] == "3")
    _ = try launcher.scale("actor", to: 1, now: at(2))
    #expect(world.signals == ["5 SIGTERM", "4 SIGTERM"])
    world.end(4, .code(0))
    world.end(5, .code(0))
    #expect(launcher.tick(now: at(3)).map(\.description) == ["actor-2 stopped", "actor-3 stopped"])
    _ = try launcher.restart("actor", now: at(4))
    world.end(3, .code(0))
    _ = launcher.tick(now: at(4))
    #expect(world.last == 6)
    world.signals = []
    _ = launcher.down(now: at(5))
    #expect(world.signals == ["6 SIGTERM"])
    #expect(
      launcher.tick(now: launcher.nextDeadline).map(\.description) == [
        "actor-1 did not stop in time and is killed"
      ])
    #expect(world.signals == ["6 SIGTERM", "6 SIGKILL group"])
    world.end(6, .signal(9))
    _ = launcher.tick(now: at(20))
    #expect(Set(world.signals.suffix(2)) == ["1 SIGTERM", "2 SIGTERM"])
    world.end(1, .code(0))
    world.end(2, .code(0))
    _ = launcher.tick(now: at(21))
    #expect(launcher.isIdle && launcher.nextDeadline == .never)
  }

  @Test func commandsOfOthers() throws {
    var launcher = try launcher(pipeline)
    _ = launcher.tick(now: at(0))
    var answer = launcher.answer(.scale(["actor": .to(2), "replay": .by(1)]), now: at(1))
    #expect(answer.reply.problem == nil && world.last == 5)
    #expect(answer.reply.replicas == ["actor": 2, "replay": 3])
    // A request is carried out completely or not at all.
    for (counts, problem) in [
      (["actor": .to(9), "replya": .to(1)], "did you mean 'replay'?"),
      (["actor": .to(9), "replay": .to(10_001)], "0 to 10000"), (["actor": .by(.max)], "0 to 10000"),
    ] as [([String: ReplicaChange], String)] {
      answer = launcher.answer(.scale(counts), now: at(1))
      #expect(answer.reply.problem?.contains(problem) == true && world.last == 5)
    }
    world.signals = []
    answer = launcher.answer(.restart(["actor-2"]), now: at(2))
    #expect(answer.reply.problem == nil && world.signals.count == 1)
    let stopping = answer.reply.processes.filter { $0.state == .stopping }
    #expect(stopping.map { "\($0.instance)" } == ["actor-2"] && stopping[0].up_s == 1)
    world.end(try #require(stopping[0].pid), .code(0))
    _ = launcher.tick(now: at(3))
    answer = launcher.answer(.processes, now: at(4))
    #expect(answer.reply.processes.map(\.restarts) == [0, 1, 0, 0, 0])
    #expect(answer.reply.processes.map(\.up_s) == [4, 1, 4, 4, 3])
    for wrong in ["actor-3", "actr", ""] {
      #expect(launcher.answer(.restart([wrong]), now: at(4)).reply.problem != nil)
    }
    answer = launcher.answer(.restart([]), now: at(5))
    #expect(answer.reply.processes.allSatisfy { $0.state == .stopping })
    answer = launcher.answer(.down, now: at(5))
    #expect(answer.isDown && answer.reply.problem == nil)
  }

  /// The variables for a replica started by hand; its number and socket belong to no other replica.
  @Test func variablesForOneMore() throws {
    var launcher = try launcher(pipeline) { $0.environment = ["ROOKERY_CONFIG": "/c.yaml"] }
    _ = launcher.tick(now: at(0))
    let hosts = launcher.processes.compactMap(\.host)
    let actor = launcher.answer(.variables(service: "actor"), now: at(0)).reply.variables
    #expect(
      actor == [
        "ROOKERY_SEED": "3", "ROOKERY_CONFIG": "/c.yaml", "ROOKERY_REPLICA": "2",
        "ROOKERY_RUN_DIRECTORY": folder.path + "/run",
      ])
    #expect(launcher.processes.compactMap(\.host) == hosts)
    #expect(
      launcher.answer(.variables(service: "acto"), now: at(0)).reply.problem?.contains("'actor'") == true)
  }

  /// A new replica with the number of a removed one counts its own restarts.
  @Test func restartsAreCountedPerReplica() throws {
    var launcher = try launcher("services: {a: {command: x, restart: always}}")
    _ = launcher.tick(now: at(0))
    world.end(1, .signal(9))
    _ = launcher.tick(now: at(1))
    _ = launcher.tick(now: launcher.nextDeadline)
    #expect(launcher.processes.map(\.restarts) == [1])
    _ = try launcher.scale("a", to: 0, now: at(3))
    world.end(2, .code(0))
    _ = launcher.tick(now: at(3))
    #expect(launcher.processes.isEmpty && !launcher.isOver)
    _ = try launcher.scale("a", to: 1, now: at(4))
    #expect(launcher.processes.map(\.restarts) == [0])
  }

  @Test func wrongRequestsAreRefused() throws {
    var launcher = try launcher(pipeline)
    func refusal(_ body: () throws -> Void) -> String {
      do {
        try body()
        return "accepted"
      } catch { return "\(error)" }
    }
    #expect(
      refusal { _ = try launcher.scale("replya", to: 2, now: at(0)) }
        == "expected a service of the compose file, found 'replya'; did you mean 'replay'?")
    #expect(
      refusal { _ = try launcher.scale("actor", to: -1, now: at(0)) }.contains(
        "0 to 10000 replicas, found -1"))
    #expect(
      refusal { _ = try launcher.restart("zzz", now: at(0)) }.contains("its services are actor, replay"))
    #expect(throws: LaunchError.self) { _ = try self.launcher(pipeline) { $0.replicas = ["actors": 2] } }
    #expect(throws: LaunchError.self) {
      _ = try self.launcher(pipeline) { $0.runDirectory = "/proc/nowhere" }
    }
  }

  @Test func replicasFromTheOptions() throws {
    var launcher = try launcher(pipeline) { $0.replicas = ["replay": 0, "actor": 2] }
    _ = launcher.tick(now: at(0))
    #expect(launcher.processes.map { "\($0.instance)" } == ["actor-1", "actor-2"])
    // The name of a service without replicas becomes the address of its first replica.
    let address = try #require(world.commands[1]?.environment["ADDRESS"]?.split(separator: ",").first)
    _ = try launcher.scale("replay", to: 1, now: at(1))
    #expect(address == "tcp://\(try #require(world.commands[3]?.environment["ROOKERY_BIND_HOST"])):7701")
  }

  @Test func healthChecks() throws {
    var launcher = try launcher(
      """
      services:
        a:
          command: x
          environment: {A: b}
          healthcheck: {test: [CMD, rookery, health, "tcp://a:1"], timeout: 1s, retries: 1}
        b: {command: y, depends_on: {a: {condition: service_healthy}}}
      """)
    _ = launcher.tick(now: at(0))
    #expect(world.last == 1)
    _ = launcher.tick(now: launcher.nextDeadline)
    let host = try #require(launcher.processes[0].host)
    #expect(world.commands[2]?.arguments == ["/opt/rookery", "health", "tcp://\(host):1"])
    #expect(world.commands[2]?.environment["A"] == "b")
    world.end(2, .code(1))
    #expect(launcher.tick(now: at(1)).map(\.description) == ["a-1 is unhealthy"])
    _ = launcher.tick(now: launcher.nextDeadline)
    _ = launcher.tick(now: launcher.nextDeadline)
    #expect(world.last == 3 && world.signals == ["3 SIGKILL group"])
    world.end(3, .signal(9))
    _ = launcher.tick(now: launcher.nextDeadline)
    world.end(4, .code(0))
    #expect(launcher.tick(now: launcher.nextDeadline).map(\.description) == ["a-1 is healthy"])
    #expect(world.commands[5]?.arguments == ["y"])
  }

  @Test func droppingItKillsWhatIsLeft() throws {
    func run() throws {
      var launcher = try launcher(pipeline)
      _ = launcher.tick(now: at(0))
      world.end(2, .code(0))
      _ = launcher.tick(now: at(1))
    }
    try run()
    #expect(Set(world.signals) == ["1 SIGKILL group", "3 SIGKILL group"])
  }
}
