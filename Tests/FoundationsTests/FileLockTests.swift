// Locks that end with their process.

import Foundations
import Glibc
import Testing

@Suite struct FileLockTests {
  @Test func oneAtATime() throws {
    let folder = TemporaryFolder()
    let path = "\(folder.path)/lock"
    var first: FileLock? = try FileLock.acquire(path)
    #expect(first != nil)
    #expect(try FileLock.acquire(path) == nil)
    #expect(try FileLock.acquire(path, patience: .milliseconds(20)) == nil)
    first = nil
    // A process that another test starts holds a copy of the descriptor until it executes.
    #expect(try FileLock.acquire(path, patience: .seconds(10)) != nil)
    #expect(throws: SystemCallError.self) { try FileLock.acquire("\(folder.path)/no/lock") }
  }

  @Test func theHoldersDeathReleasesIt() throws {
    let folder = TemporaryFolder()
    let path = "\(folder.path)/lock"
    var spawn = ProcessSpawn("flock", [path, "-c", "echo held > \(folder.path)/held; exec sleep 1000"])
    spawn.standardError = .discard
    let holder = try spawn.start()
    defer { _ = try? holder.kill() }
    while text(at: "\(folder.path)/held") != "held\n" {
      try #require(try holder.poll() == nil)
      usleep(1000)
    }
    #expect(try FileLock.acquire(path) == nil)
    try holder.kill()
    #expect(try FileLock.acquire(path, patience: .seconds(30)) != nil)
    try holder.wait()
  }
}
