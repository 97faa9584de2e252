// Real children.

import Foundations
import Glibc
import Testing

@Suite struct ProcessSpawnTests {
  /// Runs a shell script and returns what it printed.
  private func output(of script: String, _ change: (inout ProcessSpawn) -> Void = { _ in }) throws -> String {
    let folder = TemporaryFolder()
    var spawn = ProcessSpawn("/bin/sh", ["-c", script])
    spawn.standardOutput = .append(path: "\(folder.path)/out")
    change(&spawn)
    #expect(try spawn.start().wait() == .exited(code: 0))
    return text(at: "\(folder.path)/out")
  }

  /// A pipe whose reading end ends when the last process that holds the writing end is gone.
  private func withPipe(_ body: (_ read: Int32, _ write: inout Int32) throws -> Void) throws {
    var ends: [Int32] = [0, 0]
    #expect(pipe(&ends) == 0)
    defer { for end in ends { close(end) } }
    try body(ends[0], &ends[1])
  }

  @Test func argumentsEnvironmentAndDirectoryArrive() throws {
    let found = try output(of: #"echo "$0|$1|$A|$HOME|$(pwd)""#) {
      $0.arguments += ["zero", "one $A"]
      $0.environment = ["A": "x=y z", "PATH": "/usr/bin:/bin"]
      $0.workingDirectory = "/usr"
    }
    #expect(found == "zero|one $A|x=y z||/usr\n")
    #expect(try output(of: "cat; exit 0") == "")  // standard input is empty by default
    #expect(try output(of: "[ -n \"$PATH\" ] && echo inherited") == "inherited\n")
  }

  @Test func outputIsAppended() throws {
    let folder = TemporaryFolder()
    var spawn = ProcessSpawn("sh", ["-c", "echo out; echo err >&2"])
    spawn.standardOutput = .append(path: "\(folder.path)/log")
    spawn.standardError = spawn.standardOutput
    try spawn.start().wait()
    try spawn.start().wait()
    #expect(text(at: "\(folder.path)/log") == "out\nerr\nout\nerr\n")
  }

  @Test func theChildLeadsAGroupWithCleanDescriptorsAndSignals() throws {
    let leaked = fcntl(2, F_DUPFD, 77)  // open, and not close-on-exec
    defer { close(leaked) }
    try Signals.block([SIGTERM, SIGUSR1])
    Signals.ignoreBrokenPipes()
    // 3 is the folder that it lists; a shell would briefly hold pipes of its own.
    #expect(try output(of: "exec ls /proc/self/fd") == "0\n1\n2\n3\n")
    #expect(try output(of: "[ $(cut -d' ' -f5 /proc/$$/stat) = $$ ] && echo leads") == "leads\n")
    let masks = try output(of: "exec grep -E 'Sig(Blk|Ign)' /proc/self/status").split(separator: "\n")
    #expect(masks.count == 2)
    for mask in masks {
      // Signals 32 and 33 belong to libc: no program can set them.
      let bits = try #require(UInt64(mask.split(separator: "\t")[1], radix: 16)) & ~(3 << 31)
      #expect(bits == 0, "\(mask)")
    }
  }

  @Test func endsAreTold() throws {
    #expect(try ProcessSpawn("/bin/sh", ["-c", "exit 7"]).start().wait() == .exited(code: 7))
    let child = try ProcessSpawn("sleep", ["1000"]).start()
    #expect(try child.poll() == nil)
    #expect(getpgid(child.identifier) == child.identifier)
    #expect(try child.terminate())
    var poll = pollfd(fd: child.descriptor, events: Int16(POLLIN), revents: 0)
    #expect(Glibc.poll(&poll, 1, 60_000) == 1)
    #expect(try child.poll() == .signaled(SIGTERM))
    #expect(try child.wait() == .signaled(SIGTERM))
    #expect(child.status?.description == "signal 15 (Terminated)")
    #expect(try !child.kill())
    #expect(try !child.terminate())
  }

  @Test func killEndsTheGroup() throws {
    try withPipe { reading, writing in
      var spawn = ProcessSpawn("/bin/sh", ["-c", "sleep 1000 & sleep 1000 & echo up; wait"])
      spawn.standardOutput = .descriptor(writing)
      let child = try spawn.start()
      close(writing)
      writing = -1
      var bytes = [UInt8](repeating: 0, count: 3)
      #expect(read(reading, &bytes, 3) == 3)
      try child.kill()
      #expect(try child.wait() == .signaled(SIGKILL))
      #expect(text(from: reading) == "")  // both grandchildren are gone
    }
  }

  @Test func whatALeaderLeavesBehindEndsWithIt() throws {
    try withPipe { reading, writing in
      var spawn = ProcessSpawn("/bin/sh", ["-c", "sleep 1000 & exit 3"])
      spawn.standardOutput = .descriptor(writing)
      let child = try spawn.start()
      close(writing)
      writing = -1
      #expect(try child.wait() == .exited(code: 3))
      #expect(text(from: reading) == "")
    }
  }

  @Test func standardDescriptorsCanBeSwapped() throws {
    let folder = TemporaryFolder()
    try AtomicFile.replace("\(folder.path)/in", with: Array("input".utf8))
    let input = open("\(folder.path)/in", O_RDONLY | O_CLOEXEC)
    defer { close(input) }
    let found = try output(of: "cat") { $0.standardInput = .descriptor(input) }
    #expect(found == "input")
  }

  @Test func impossibleStartsAreRefused() throws {
    func message(_ spawn: ProcessSpawn) -> String {
      do {
        try spawn.start().wait()
        return "started"
      } catch { return "\(error)" }
    }
    #expect(
      message(ProcessSpawn("/no/such")) == "cannot start '/no/such': No such file or directory (errno 2)")
    #expect(message(ProcessSpawn("true", ["a\0b"])).contains("NUL"))
    #expect(message(ProcessSpawn("true", environment: ["A=B": "c"])).contains("environment variable 'A=B'"))
    var spawn = ProcessSpawn("true")
    spawn.standardOutput = .append(path: "/no/such/log")
    #expect(message(spawn) == "cannot open '/no/such/log': No such file or directory (errno 2)")
    spawn.standardOutput = .descriptor(-1)
    #expect(message(spawn).contains("descriptor '-1'"))
    #expect(throws: SystemCallError.self) { try ProcessSpawn.become("/no/such") }
  }

  @Test func aForeignParentIsNotFollowed() throws {
    #expect(throws: SystemCallError("watch parent process", "1000000000", code: ESRCH)) {
      try ParentDeath.arm(signal: 0, parent: 1_000_000_000)
    }
    #expect(throws: SystemCallError.self) { try ParentDeath.arm(signal: 1000, parent: getppid()) }
    try ParentDeath.arm(signal: 0, parent: getppid())  // 0: disarmed
  }
}
