// Real processes, started and killed.

import Foundations
import Glibc
import Launcher
import Testing

@Suite(.serialized) struct POSIXProcessTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  private func at(_ seconds: Double) -> Instant { .zero + .seconds(seconds) }

  private func launcher(
    _ script: String, grace: String = "10s", restart: String = "always", prefix: [String] = []
  ) throws -> LocalLauncher<POSIXProcessHost> {
    var service = ComposeService(name: "a", command: ["/bin/sh", "-c", script])
    service.restart = restart == "no" ? .no : .always
    service.environment = ["PIPE": folder.path + "/pipe"]
    let options = LaunchOptions(
      runDirectory: folder.path, executable: "/bin/false", inherited: ["PATH": "/usr/bin:/bin"])
    return try LocalLauncher(
      compose: ComposeFile(file: "c.yaml", services: [service]), options: options,
      network: try LoopbackNetwork(generator: SeededGenerator.fromSystem()),
      host: POSIXProcessHost(prefix: prefix))
  }

  @Test func aKilledProcessStartsAgain() throws {
    let pipe = try NamedPipe(in: folder, writers: true)
    var launcher = try launcher("echo up; echo $$ > $PIPE; exec sleep 1000")
    _ = launcher.tick(now: at(0))
    for round in 1...3 {
      let pid = try #require(pipe.read().flatMap { Int32($0.filter(\.isNumber)) })
      #expect(launcher.processes[0].pid == pid)
      kill(pid, SIGKILL)
      Child.awaitEnd(pid)
      let now = at(Double(round) * 20)
      let events = launcher.tick(now: now)
      #expect(events.map(\.description) == ["a-1 ended (SIGKILL); it starts again in 0.1 s"])
      _ = launcher.tick(now: launcher.nextDeadline)
    }
    #expect(pipe.read() != nil)
    #expect(TemporaryFolder.text(of: launcher.log(of: Instance("a", 1))) == "up\nup\nup\nup\n")
  }

  @Test func stopSignalThenKill() throws {
    let pipe = try NamedPipe(in: folder)
    var launcher = try launcher("trap '' TERM; echo up > $PIPE; exec sleep 1000")
    _ = launcher.tick(now: at(0))
    #expect(pipe.read() == "up\n")
    let pid = try #require(launcher.processes[0].pid)
    #expect(launcher.down(now: at(1)).isEmpty)
    #expect(launcher.tick(now: at(10)).isEmpty && launcher.nextDeadline == at(11))
    #expect(launcher.tick(now: at(11)).map(\.description) == ["a-1 did not stop in time and is killed"])
    Child.awaitEnd(pid)
    #expect(launcher.tick(now: at(12)).map(\.description) == ["a-1 stopped"])
    #expect(launcher.isIdle == true)
  }

  @Test func whoStopsInTimeIsNotKilled() throws {
    let pipe = try NamedPipe(in: folder)
    var launcher = try launcher("trap 'echo bye; exit 0' TERM; echo up > $PIPE; while :; do sleep 0.01; done")
    _ = launcher.tick(now: at(0))
    #expect(pipe.read() == "up\n")
    let pid = try #require(launcher.processes[0].pid)
    _ = launcher.down(now: at(1))
    Child.awaitEnd(pid)
    #expect(launcher.tick(now: at(2)).map(\.description) == ["a-1 stopped"])
    #expect(TemporaryFolder.text(of: launcher.log(of: Instance("a", 1))) == "bye\n")
  }

  @Test func whatAProcessLeftBehindEndsWithIt() throws {
    let pipe = try NamedPipe(in: folder)
    var launcher = try launcher("exec 3> $PIPE; sleep 1000 & echo up >&3; wait")
    _ = launcher.tick(now: at(0))
    #expect(pipe.read() == "up\n")
    let pid = try #require(launcher.processes[0].pid)
    kill(pid, SIGKILL)
    Child.awaitEnd(pid)
    _ = launcher.tick(now: at(1))
    #expect(pipe.isAbandoned())
  }

  @Test func droppingTheLauncherEndsEverything() throws {
    let pipe = try NamedPipe(in: folder)
    func run() throws -> Int32 {
      var launcher = try launcher("exec 3> $PIPE; sleep 1000 & echo up >&3; wait")
      _ = launcher.tick(now: at(0))
      #expect(pipe.read() == "up\n")
      return try #require(launcher.processes[0].pid)
    }
    let pid = try run()
    #expect(pipe.isAbandoned())
    var status: Int32 = 0
    #expect(waitpid(pid, &status, 0) == pid && status & 0x7F == SIGKILL)
  }

  @Test func aFreshStartForEachChild() throws {
    var mask = sigset_t()
    var before = sigset_t()
    sigemptyset(&mask)
    sigaddset(&mask, SIGUSR1)
    pthread_sigmask(SIG_BLOCK, &mask, &before)
    let handler = signal(SIGUSR2, SIG_IGN)
    let leak = open("/dev/null", O_RDONLY)
    defer {
      pthread_sigmask(SIG_SETMASK, &before, nil)
      signal(SIGUSR2, handler)
      close(leak)
    }
    var host = POSIXProcessHost()
    let log = folder.path + "/log"
    let script =
      "grep -E 'Sig(Blk|Ign)' /proc/self/status; ls /proc/self/fd; cut -d' ' -f5 /proc/$$/stat; env; cat; echo $$ >&2"
    let pid = try host.start(
      LaunchCommand(arguments: ["/bin/sh", "-c", script], environment: ["A": "b c"], log: log))
    Child.awaitEnd(pid)
    let ended = host.reap()
    #expect(ended.count == 1 && ended[0].pid == pid && ended[0].status == .code(0))
    let lines = TemporaryFolder.text(of: log).split(separator: "\n").map(String.init)
    func bits(_ name: String) -> UInt64? {
      lines.first { $0.hasPrefix(name) }.flatMap { UInt64($0.split(separator: "\t")[1], radix: 16) }
    }
    #expect(bits("SigBlk") == 0)
    let ofTheLibrary: UInt64 = 0x1_8000_0000  // 32 and 33, which glibc's posix_spawn ignores itself
    #expect(bits("SigIgn").map { $0 & ~ofTheLibrary } == 0)
    #expect(lines.filter { $0 == "\(pid)" }.count == 2, "own group and output: \(lines)")
    let descriptors = lines.compactMap { Int32($0) }.filter { $0 != pid }
    #expect(descriptors == [0, 1, 2, 3], "ls opens the last: \(lines)")
    #expect(lines.contains("A=b c"))
    #expect(!lines.contains { $0.hasPrefix("HOME=") })
    #expect(host.reap().isEmpty)
  }

  @Test func guardedProcessesStartThroughExec() throws {
    var host = POSIXProcessHost.guarded(executable: "/bin/echo")
    let log = folder.path + "/log"
    let pid = try host.start(LaunchCommand(arguments: ["run", "me now"], environment: [:], log: log))
    Child.awaitEnd(pid)
    #expect(host.reap().count == 1)
    #expect(TemporaryFolder.text(of: log) == "exec \(getpid()) -- run me now\n")
  }

  @Test func failuresToStart() throws {
    var host = POSIXProcessHost()
    func refusal(_ arguments: [String], _ log: String = "/dev/null") -> String {
      do {
        _ = try host.start(LaunchCommand(arguments: arguments, environment: [:], log: log))
        return "started"
      } catch { return error.description }
    }
    #expect(refusal(["/nowhere/x"]).contains("cannot start '/nowhere/x'"))
    #expect(
      refusal(["true"], "/nowhere/log").contains(
        "with log /nowhere/log: cannot open '/nowhere/log': No such file"))
    #expect(refusal([]).contains("empty"))
    #expect(refusal(["true", "a\0b"]).contains("a string with a NUL"))
    #expect(host.reap().isEmpty)
  }

  @Test func strangersAreNeverSignalled() {
    let host = POSIXProcessHost()
    host.signal(getpid(), SIGKILL, group: false)  // would end this test
    host.signal(0, SIGKILL, group: true)
  }

  @Test func theOwnProgramIsFound() throws {
    #expect(try POSIXProcessHost.selfExecutable().hasPrefix("/"))
  }
}
