// Files and folders of one user.

internal import Glibc

/// Keeps other users away from files and folders.
public enum PrivateFiles {
  /// From now on, files that this process and its children create are 0600 and folders 0700: for
  /// their user alone. Call it before there are threads or files.
  public static func maskOthers() { umask(0o077) }

  /// Removes all rights of other users to an existing folder, which an earlier version or a person
  /// may have given.
  ///
  /// - Throws: `PrivateFileError` if the folder is another user's, who could give the rights back;
  ///   `SystemCallError` if it cannot be opened or changed.
  public static func closeFolder(_ path: String) throws {
    let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw SystemCallError.last("open the folder", path) }
    defer { close(descriptor) }
    try closeToOthers(descriptor, path, mode: 0o700)
  }

  /// Removes all rights of other users to an open file or folder.
  static func closeToOthers(_ descriptor: Int32, _ path: String, mode: mode_t) throws {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw SystemCallError.last("inspect", path) }
    guard status.st_uid == geteuid() else { throw PrivateFileError(path: path, owner: status.st_uid) }
    guard status.st_mode & 0o077 != 0 else { return }
    guard fchmod(descriptor, mode) == 0 else {
      throw SystemCallError.last("remove other users' rights to", path)
    }
  }
}

/// A file or folder that must belong to this user, and does not.
public struct PrivateFileError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The path of the file or folder.
  public var path: String
  var owner: UInt32
  var user: UInt32

  init(path: String, owner: uid_t) {
    self.path = path
    self.owner = owner
    user = geteuid()
  }

  public var description: String {
    "\(path): expected a file or folder of this process's user (number \(user)), found one of user \(owner), who could give "
      + "others access; run it as that user, give it away with chown, or choose another folder"
  }
}
