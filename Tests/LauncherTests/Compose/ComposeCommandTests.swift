// Commands of compose files for local processes: entrypoints, addresses, folders.

import Foundations
import Launcher
import Testing

@Suite struct ComposeCommandTests {
  let world = FakeWorld()
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  private func launcher(_ text: String) throws -> LocalLauncher<FakeHost> {
    let compose = try ComposeFile(text: text, file: folder.path + "/c.yaml", variables: [:])
    let options = LaunchOptions(
      runDirectory: folder.path + "/run", executable: "/opt/rookery", inherited: ["PATH": "/bin"])
    let network = try LoopbackNetwork(generator: SeededGenerator.fromSystem())
    return try LocalLauncher(
      compose: compose, options: options, network: network, host: FakeHost(world: world))
  }

  @Test func entrypointThenCommand() throws {
    var launcher = try launcher(
      "services: {a: {entrypoint: [rookery, replay], command: --at tcp://a:1}, b: {entrypoint: [], command: [y]}}"
    )
    _ = launcher.tick(now: .zero)
    let host = try #require(launcher.processes[0].host)
    #expect(world.commands[1]?.arguments == ["/opt/rookery", "replay", "--at", "tcp://\(host):1"])
    #expect(world.commands[2]?.arguments == ["y"])
  }

  /// Words that are addresses or folders, and words that only look like one.
  @Test func translation() throws {
    try TemporaryFolder.write("FILE=tcp://replay:1\nDIR=/data/env\n", to: folder.path + "/x.env")
    var launcher = try launcher(
      """
      services:
        replay: {command: x, scale: 2}
        user:
          env_file: x.env
          entrypoint: [sh, -c]
          command: ["cat /data/in --out=/data/out <'/data' /database a/data http://h/data ipc:///data/s"]
          environment:
            PORTS: replay:7701,other:7701 redis://replay:5/x
            FLAG: --replay=replay:7701/x replay:big replay:0 replay:70000 my-replay:1 replay:1:2
            NAME: replay
            URL: "'tcp://replay:1'"
            PATHS: /data/a:/data/nested/b:/bin
          volumes: [data:/data, ./here:/data/nested]
      volumes: {data: }
      """)
    _ = launcher.tick(now: .zero)
    let hosts = launcher.processes.compactMap(\.host)
    let (first, second) = (hosts[0], hosts[1])
    let command = try #require(world.commands[3])
    let data = folder.path + "/run/volumes/data"
    #expect(
      command.arguments == [
        "sh", "-c",
        "cat \(data)/in --out=\(data)/out <'\(data)' /database a/data http://h/data ipc://\(data)/s",
      ])
    let variables = command.environment
    #expect(variables["FILE"] == "tcp://\(first):1,tcp://\(second):1" && variables["DIR"] == data + "/env")
    #expect(
      variables["PORTS"]
        == "\(first):7701,\(second):7701,other:7701 redis://\(first):5/x,redis://\(second):5/x")
    #expect(
      variables["FLAG"]
        == "--replay=\(first):7701/x,\(second):7701/x replay:big replay:0 replay:70000 my-replay:1 replay:1:2"
    )
    #expect(variables["NAME"] == "replay")
    #expect(variables["URL"] == "'tcp://\(first):1,tcp://\(second):1'")
    #expect(variables["PATHS"] == "\(data)/a:\(folder.path)/here/b:/bin")
  }

  @Test func checksAreAboutTheirOwnReplica() throws {
    var launcher = try launcher(
      """
      services:
        a:
          command: x
          scale: 2
          healthcheck: {test: [CMD, rookery, health, "tcp://a:1", "tcp://localhost:2", "tcp://b:3"], interval: 1s}
        b: {command: y}
      """)
    _ = launcher.tick(now: .zero)
    let hosts = launcher.processes.compactMap(\.host)
    _ = launcher.tick(now: .zero + .seconds(1))
    for (pid, own) in [(Int32(4), hosts[0]), (5, hosts[1])] {
      #expect(
        world.commands[pid]?.arguments
          == ["/opt/rookery", "health", "tcp://\(own):1", "tcp://\(own):2", "tcp://\(hosts[2]):3"])
    }
  }

  @Test func workingDirectories() throws {
    var launcher = try launcher(
      """
      services:
        a: {command: x, working_dir: /data/sub, volumes: [./made:/data/sub]}
        b: {command: x, working_dir: /nowhere/at/all}
        c: {command: x}
      """)
    let events = launcher.tick(now: .zero).map(\.description)
    #expect(
      events == [
        "b-1 could not be started: b-1: expected working_dir to be a folder of this machine or below a volume, found "
          + "/nowhere/at/all; make it, or mount it as ./folder:/nowhere/at/all"
      ])
    #expect(world.commands[1]?.workingDirectory == folder.path + "/made")
    #expect(world.commands[2]?.workingDirectory == nil && world.last == 2)
  }

  @Test func aRealProcessStartsInItsFolder() throws {
    var host = POSIXProcessHost()
    var command = LaunchCommand(
      arguments: ["pwd"], environment: ["PATH": "/usr/bin:/bin"], log: folder.path + "/log")
    command.workingDirectory = folder.path
    Child.awaitEnd(try host.start(command))
    #expect(host.reap().map(\.status) == [.code(0)])
    #expect(TemporaryFolder.text(of: folder.path + "/log") == folder.path + "\n")
    command.workingDirectory = folder.path + "/none"
    #expect(throws: LaunchError.self) { _ = try host.start(command) }
  }
}
