// Addresses of services that listen on sockets.

import Foundation
import Foundations
import Launcher
import Testing

@Suite struct SocketAddressTests {
  let world = FakeWorld()
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  private func launcher(_ text: String, sockets: SocketFolder?) throws -> LocalLauncher<FakeHost> {
    let compose = try ComposeFile(text: text, file: "c.yaml", variables: [:])
    let options = LaunchOptions(
      runDirectory: folder.path + "/run", executable: "/opt/rookery", inherited: ["PATH": "/bin"])
    let network = try LoopbackNetwork(generator: SeededGenerator.fromSystem())
    return try LocalLauncher(
      compose: compose, options: options, network: network, sockets: sockets, host: FakeHost(world: world))
  }

  private let pipeline = """
    x-addresses: &addresses
      ROOKERY_REPLAY_ADDRESS: tcp://replay:7701
      ROOKERY_PARAMETERS_ADDRESS: tcp://parameters:7702
      ROOKERY_WEIGHTS_ADDRESS: tcp://parameters:7703
    services:
      parameters:
        command: rookery parameters
        environment: {<<: *addresses, ROOKERY_HTTP_ADDRESS: "http://parameters:7704"}
        healthcheck: {test: [CMD, rookery, health, "tcp://localhost:7702"], interval: 1s}
      replay:
        command: rookery replay
        scale: 2
        environment: *addresses
        healthcheck: {test: "rookery health tcp://127.0.0.1:7701; exit 1", interval: 1s}
      store: {command: redis-server, environment: {ROOKERY_STORE_ADDRESS: "tcp://store:6379"}}
      trainer:
        command: "python train.py --replay=tcp://replay:7701 --page http://parameters:7704 --store tcp://store:6379"
        environment: {<<: *addresses, HOSTS: "tcp://replay:7701,tcp://replay:9,tcp://other:1 replay:7701"}
    """

  @Test func whoeverReachesRookerysServicesUsesSockets() throws {
    let sockets = try SocketFolder(in: folder.path)
    let base = "ipc://\(sockets.path)"
    var launcher = try launcher(pipeline, sockets: sockets)
    _ = launcher.tick(now: .zero)
    #expect(
      launcher.processes.map { "\($0.instance)" } == [
        "parameters-1", "replay-1", "replay-2", "store-1", "trainer-1",
      ])
    let hosts = launcher.processes.compactMap(\.host)
    let trainer = try #require(world.commands[5])
    let shards = "\(base)/replay-1.7701,\(base)/replay-2.7701"
    #expect(trainer.environment["ROOKERY_REPLAY_ADDRESS"] == shards)
    #expect(trainer.environment["ROOKERY_PARAMETERS_ADDRESS"] == "\(base)/parameters-1.7702")
    #expect(trainer.environment["ROOKERY_WEIGHTS_ADDRESS"] == "\(base)/parameters-1.7703")
    // Other addresses stay on TCP: a web page, another program, another port, a bare name.
    #expect(
      trainer.arguments == [
        "python", "train.py", "--replay=\(shards)", "--page", "http://\(hosts[0]):7704", "--store",
        "tcp://\(hosts[3]):6379",
      ])
    #expect(
      trainer.environment["HOSTS"]
        == "\(shards),tcp://\(hosts[1]):9,tcp://\(hosts[2]):9,tcp://other:1 \(hosts[1]):7701,\(hosts[2]):7701"
    )
    let text = try String(contentsOfFile: folder.path + "/run/addresses/trainer", encoding: .utf8)
    #expect(text.contains("ROOKERY_REPLAY_ADDRESS=\(shards)\n"))
    // A note says that this service listens on TCP although its variables name it.
    #expect(launcher.notes.count == 1 && launcher.notes[0].hasPrefix("store: its command does not begin"))
  }

  /// Each shard listens on its own socket, for any number of shards.
  @Test func eachReplicaListensAtItsOwn() throws {
    let sockets = try SocketFolder(in: folder.path)
    let base = "ipc://\(sockets.path)"
    var launcher = try launcher(pipeline, sockets: sockets)
    _ = launcher.tick(now: .zero)
    #expect(world.commands[2]?.environment["ROOKERY_REPLAY_ADDRESS"] == "\(base)/replay-1.7701")
    #expect(world.commands[3]?.environment["ROOKERY_REPLAY_ADDRESS"] == "\(base)/replay-2.7701")
    let page = "http://\(try #require(launcher.processes[0].host)):7704"
    let reports = launcher.answer(.processes, now: .zero).reply.processes
    #expect(reports[0].addresses == ["\(base)/parameters-1.7702", "\(base)/parameters-1.7703", page])
    #expect(reports[2].addresses == ["\(base)/replay-2.7701"])
    #expect(reports[3].addresses == ["tcp://\(reports[3].host ?? ""):6379"] && reports[4].addresses.isEmpty)
    // A check asks its own replica.
    _ = launcher.tick(now: .zero + .seconds(1))
    #expect(world.commands[6]?.arguments == ["/opt/rookery", "health", "\(base)/parameters-1.7702"])
    #expect(
      world.commands[8]?.arguments == ["/bin/sh", "-c", "rookery health \(base)/replay-2.7701; exit 1"])
  }

  @Test func oneMoreByHand() throws {
    let sockets = try SocketFolder(in: folder.path)
    let base = "ipc://\(sockets.path)"
    var launcher = try launcher(pipeline, sockets: sockets)
    _ = launcher.tick(now: .zero)
    let trainer = launcher.answer(.variables(service: "trainer"), now: .zero).reply.variables
    #expect(trainer["ROOKERY_REPLAY_ADDRESS"] == "\(base)/replay-1.7701,\(base)/replay-2.7701")
    let shard = launcher.answer(.variables(service: "replay"), now: .zero).reply.variables
    #expect(shard["ROOKERY_REPLAY_ADDRESS"] == "\(base)/replay-3.7701+")
    _ = try launcher.scale("replay", to: 3, now: .zero)
    #expect(world.commands[6]?.environment["ROOKERY_REPLAY_ADDRESS"] == "\(base)/replay-3.7701")
    // The web page's address is unchanged.
    let server = launcher.answer(.variables(service: "parameters"), now: .zero).reply.variables
    #expect(server["ROOKERY_HTTP_ADDRESS"] == "http://\(try #require(launcher.processes[0].host)):7704")
  }

  @Test func aLongNameGetsANumber() throws {
    let name = String(repeating: "replay", count: 5)
    let sockets = try SocketFolder(in: folder.path)
    var launcher = try launcher(
      """
      services:
        a: {command: y}
        \(name): {command: rookery replay, environment: {ROOKERY_REPLAY_ADDRESS: "tcp://\(name):7701"}}
      """, sockets: sockets)
    _ = launcher.tick(now: .zero)
    #expect(world.commands[2]?.environment["ROOKERY_REPLAY_ADDRESS"] == "ipc://\(sockets.path)/#1-1.7701")
  }

  @Test func overTCPAllIsAsItWas() throws {
    var launcher = try launcher(pipeline, sockets: nil)
    _ = launcher.tick(now: .zero)
    let hosts = launcher.processes.compactMap(\.host)
    let shards = "tcp://\(hosts[1]):7701,tcp://\(hosts[2]):7701"
    #expect(world.commands[3]?.environment["ROOKERY_REPLAY_ADDRESS"] == shards)
    #expect(world.commands[5]?.environment["ROOKERY_REPLAY_ADDRESS"] == shards)
    let reports = launcher.answer(.processes, now: .zero).reply.processes
    #expect(reports[2].addresses == ["tcp://\(hosts[2]):7701"] && launcher.notes.isEmpty)
  }
}
