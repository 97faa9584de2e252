// Files and folders that belong to one user.

internal import Glibc

public enum PrivateFiles {
  /// What this process makes from now on, and the processes that it starts, is for its user alone:
  /// files 0600, folders 0700. Call it before there are threads or files.
  public static func maskOthers() { umask(0o077) }

  /// Takes every right to an existing folder from everybody else: an earlier version, or somebody
  /// by hand, may have given some.
  ///
  /// - Throws: `PrivateFileError` if it is another user's, who could give them back;
  ///   `SystemCallError` if it cannot be opened or changed.
  public static func closeFolder(_ path: String) throws {
    let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw SystemCallError.last("open the folder", path) }
    defer { close(descriptor) }
    try closeToOthers(descriptor, path, mode: 0o700)
  }

  /// The same for an open file.
  static func closeToOthers(_ descriptor: Int32, _ path: String, mode: mode_t) throws {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw SystemCallError.last("look at", path) }
    guard status.st_uid == geteuid() else { throw PrivateFileError(path: path, owner: status.st_uid) }
    guard status.st_mode & 0o077 != 0 else { return }
    guard fchmod(descriptor, mode) == 0 else { throw SystemCallError.last("take others' rights to", path) }
  }
}

/// A file or folder that has to be this user's, and is not.
public struct PrivateFileError: Error, Hashable, Sendable, CustomStringConvertible {
  public var path: String
  var owner: UInt32
  var user: UInt32

  init(path: String, owner: uid_t) {
    self.path = path
    self.owner = owner
    user = geteuid()
  }

  public var description: String {
    "\(path): expected a file or folder of this process's user (number \(user)), found one of user \(owner), who could let "
      + "anybody in; run it as that user, give it away with chown, or choose another folder"
  }
}
