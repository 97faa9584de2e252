// The folder of a run's sockets: its permissions, its removal, and its parent.

import Foundations
import Glibc
import Testing

@testable import Launcher

@Suite struct SocketFolderTests {
  let parent: TemporaryFolder

  init() throws {
    parent = try TemporaryFolder()
  }

  private func names() -> [String] { DirectoryNames.of(parent.path) }

  /// Makes a socket file as libzmq leaves one.
  private func makeSocket(_ path: String) throws {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let code = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    try #require(code == 0)
  }

  private func makeLeft(_ letters: String, mode: mode_t = 0o700) throws -> String {
    let path = "\(parent.path)/rookery-ipc-\(letters)"
    try #require(mkdir(path, mode) == 0 && chmod(path, mode) == 0)
    return path
  }

  @Test func itIsItsUsersAlone() throws {
    do {
      let folder = try SocketFolder(in: parent.path)
      var status = stat()
      #expect(stat(folder.path, &status) == 0)
      #expect(status.st_mode & 0o7777 == 0o700 && status.st_uid == geteuid())
      #expect(folder.address("replay", 2, "7701") == "ipc://\(folder.path)/replay-2.7701")
      try makeSocket("\(folder.path)/replay-2.7701")
      withExtendedLifetime(folder) {}
    }
    #expect(names().isEmpty, "it is removed with what is in it")
  }

  @Test func whatAKilledLauncherLeftIsRemoved() throws {
    let left = try makeLeft("abcdef")
    try makeSocket("\(left)/replay-1.7701")
    _ = try makeLeft("ABCDEF")
    let live = try SocketFolder(in: parent.path)
    #expect(SocketFolder.removeAbandoned(in: parent.path) == 2)
    #expect(names().map { "\(parent.path)/\($0)" } == [live.path])
    #expect(SocketFolder.removeAbandoned(in: "\(parent.path)/none") == 0)
    withExtendedLifetime(live) {}
  }

  /// Folders that only look abandoned stay, with all contents.
  @Test func othersAreLeftAlone() throws {
    let holdsFiles = try makeLeft("files1")
    try makeSocket("\(holdsFiles)/replay-1.7701")
    try TemporaryFolder.write("x", to: "\(holdsFiles)/notes")
    _ = try makeLeft("open00", mode: 0o755)
    let target = "\(parent.path)/target"
    try #require(mkdir(target, 0o700) == 0 && symlink(target, "\(parent.path)/rookery-ipc-link00") == 0)
    try TemporaryFolder.write("x", to: "\(parent.path)/rookery-ipc-file00")
    _ = try makeLeft("longer7")
    if geteuid() == 0 {
      let stranger = try makeLeft("others")
      try #require(chown(stranger, 65_534, 65_534) == 0)
    }
    let before = names()
    #expect(SocketFolder.removeAbandoned(in: parent.path) == 0)
    #expect(names() == before && DirectoryNames.of(holdsFiles) == ["notes", "replay-1.7701"])
  }

  /// Another launcher may remove a folder before it is locked; then it is made again.
  @Test func manyAtOnce() async throws {
    let path = parent.path
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<4 {
        group.addTask {
          for _ in 0..<50 {
            guard let folder = try? SocketFolder(in: path) else {
              Issue.record("a folder could not be made")
              return
            }
            _ = SocketFolder.removeAbandoned(in: path)
            #expect(access(folder.path, F_OK) == 0, "one that is live was removed")
            withExtendedLifetime(folder) {}
          }
        }
      }
    }
    #expect(names().isEmpty)
  }

  @Test func whereNoneCanBeMade() {
    #expect { _ = try SocketFolder(in: "\(parent.path)/none") } throws: { error in
      "\(error)".contains("cannot make a folder in \(parent.path)/none: No such file")
        && "\(error)".contains("set XDG_RUNTIME_DIR to a folder of yours, or use --transport tcp")
    }
  }

  /// Paths stay well below the 107 bytes of a socket's path.
  @Test func pathsAreShort() {
    let parent = String(repeating: "p", count: SocketFolder.parentBytesMax)
    let name = String(repeating: "n", count: SocketFolder.nameBytesMax)
    let longest = "\(parent)/\(SocketFolder.prefix)XXXXXX/\(name)-10000.65535+"
    #expect(longest.utf8.count <= 98)
  }
}

@Suite struct SocketParentTests {
  private func parent(_ path: String) throws -> SocketParent {
    try SocketParent(variables: ["XDG_RUNTIME_DIR": path])
  }

  @Test func theRuntimeFolderIfItWillDo() throws {
    let folder = try TemporaryFolder()
    let chosen = try parent(folder.path + "/")
    #expect(chosen.path == folder.path && chosen.note == nil)
    #expect(SocketParent.all(["XDG_RUNTIME_DIR": folder.path + "/"]) == [folder.path, "/tmp"])
    for variables in [[:], ["XDG_RUNTIME_DIR": ""]] {
      let chosen = try SocketParent(variables: variables)
      #expect(chosen.path == "/tmp" && chosen.note == nil && SocketParent.all(variables) == ["/tmp"])
    }
  }

  @Test func elseTemporary() throws {
    let folder = try TemporaryFolder()
    let long = folder.path + "/" + String(repeating: "x", count: 40)
    let open = folder.path + "/open"
    let comma = folder.path + "/a,b"
    for path in [long, open, comma] { try #require(mkdir(path, 0o700) == 0) }
    try #require(chmod(open, 0o777) == 0)
    for (path, reason) in [
      (long, "at most 40 bytes"), ("run/user", "expected an absolute path"), (comma, "expected letters"),
      (folder.path + "/none", "expected a folder, found none"), (open, "no other user can rename"),
    ] {
      let chosen = try parent(path)
      #expect(chosen.path == "/tmp" && chosen.note?.contains(reason) == true, "\(path)")
      #expect(chosen.note?.hasPrefix("XDG_RUNTIME_DIR=\(path): expected") == true, "\(path)")
      #expect(chosen.note?.hasSuffix("the run's sockets are in /tmp") == true)
    }
  }
}
