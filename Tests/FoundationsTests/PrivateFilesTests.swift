// Files that others cannot open.

import Foundations
import Glibc
import Testing

@Suite struct PrivateFilesTests {
  private func mode(_ path: String) -> mode_t {
    var status = stat()
    return lstat(path, &status) == 0 ? status.st_mode & 0o7777 : 0
  }

  @Test func aLockIsItsUsersAlone() throws {
    let folder = TemporaryFolder()
    let path = "\(folder.path)/lock"
    let new = try FileLock.acquire(path)
    #expect(mode(path) == 0o600 && new != nil)
    // With the rights that an earlier version gave it.
    let old = "\(folder.path)/old"
    try #require(close(open(old, O_CREAT | O_WRONLY, 0o644)) == 0 && chmod(old, 0o644) == 0)
    let taken = try FileLock.acquire(old)
    #expect(mode(old) == 0o600 && taken != nil)
  }

  @Test func aLockLeadsNowhereElse() throws {
    let folder = TemporaryFolder()
    try #require(symlink("\(folder.path)/target", "\(folder.path)/lock") == 0)
    #expect(throws: SystemCallError("open", "\(folder.path)/lock", code: ELOOP)) {
      _ = try FileLock.acquire("\(folder.path)/lock")
    }
    #expect(folder.names == ["lock"])
  }

  @Test(.enabled(if: geteuid() == 0, "only root can make files of other users"))
  func whatIsAnothersIsRefused() throws {
    let folder = TemporaryFolder()
    let path = "\(folder.path)/lock"
    try #require(close(open(path, O_CREAT | O_WRONLY, 0o666)) == 0 && chown(path, 65_534, 65_534) == 0)
    #expect { _ = try FileLock.acquire(path) } throws: { error in
      "\(error)".hasPrefix(
        "\(path): expected a file or folder of this process's user (number 0), found one of user 65534")
    }
    let inner = "\(folder.path)/inner"
    try #require(mkdir(inner, 0o755) == 0 && chown(inner, 65_534, 65_534) == 0)
    defer { rmdir(inner) }
    #expect(throws: PrivateFileError.self) { try PrivateFiles.closeFolder(inner) }
    #expect(mode(inner) == 0o755)
  }

  @Test func aFolderIsClosedToOthers() throws {
    let folder = TemporaryFolder()
    try #require(chmod(folder.path, 0o775) == 0)
    try PrivateFiles.closeFolder(folder.path)
    #expect(mode(folder.path) == 0o700)
    #expect(throws: SystemCallError.self) { try PrivateFiles.closeFolder("\(folder.path)/none") }
  }
}
