// The folder of a run's Unix sockets.

internal import Foundations
internal import Glibc

/// A folder of one run, made by `mkdtemp`, that only its user can enter. Other users therefore
/// cannot connect to the sockets in it.
///
/// The launcher holds an `flock` on the folder and removes the folder at its end. A folder without
/// the lock is what a killed launcher left; the next launcher removes it. No other user can hold
/// the lock, as no other user can open the folder. systemd-tmpfiles, which removes old files from
/// `/tmp`, skips locked folders.
public final class SocketFolder {
  /// `PARENT/rookery-ipc-XXXXXX`.
  public let path: String
  private let folder: OpenFolder

  /// The start of its name; six random letters follow.
  static let prefix = "rookery-ipc-"
  /// A socket's path has at most 107 bytes. With a parent as long as this, a service's name of
  /// `nameBytesMax`, a replica and a port of five digits it has 97.
  static let parentBytesMax = 40
  static let nameBytesMax = 24
  private static let attemptsMax = 100

  /// Makes and locks a folder.
  ///
  /// - Parameter parent: as `SocketParent` chooses it.
  /// - Throws: `LaunchError` if no folder can be made or locked there.
  public init(in parent: String) throws(LaunchError) {
    for _ in 0..<Self.attemptsMax {
      var template = Array("\(parent)/\(Self.prefix)XXXXXX".utf8CString)
      guard mkdtemp(&template) != nil else {
        throw Self.failure("make a folder in \(parent)", errno)
      }
      let path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
      // Another launcher may have removed it as abandoned before it was locked.
      guard let folder = OpenFolder(path), folder.isPrivate else { continue }
      guard try folder.lock(path), folder.isStill(at: path) else { continue }
      self.path = path
      self.folder = folder
      return
    }
    throw LaunchError(
      "\(parent): expected to keep a folder made there, but each of \(Self.attemptsMax) was removed at once; set "
        + "XDG_RUNTIME_DIR to a folder of yours, or use --transport tcp")
  }

  deinit {
    folder.removeSockets()
    rmdir(path)
  }

  /// The address of a replica's socket.
  ///
  /// - Parameters:
  ///   - name: the service's name, or a substitute for a name that is too long.
  ///   - port: the port that the socket replaces.
  func address(_ name: String, _ replica: Int, _ port: String) -> String {
    "ipc://\(path)/\(name)-\(replica).\(port)"
  }

  private static func failure(_ what: String, _ code: Int32) -> LaunchError {
    LaunchError(
      "cannot \(what): \(POSIXProcessHost.errorText(code)); set XDG_RUNTIME_DIR to a folder of yours, or use --transport tcp"
    )
  }

  /// Removes the socket folders that killed launchers of this user left in `parent`, and returns
  /// their number. Folders that are locked, belong to another user, or hold anything but sockets
  /// stay.
  public static func removeAbandoned(in parent: String) -> Int {
    var count = 0
    for name in DirectoryNames.of(parent)
    where name.hasPrefix(prefix) && name.utf8.count == prefix.utf8.count + 6 {
      let path = "\(parent)/\(name)"
      guard let folder = OpenFolder(path), folder.isPrivate, (try? folder.lock(path)) == true,
        folder.isStill(at: path), folder.removeSockets(), rmdir(path) == 0
      else { continue }
      count += 1
    }
    return count
  }
}

/// An open folder. Checks, lock and removal act on the same folder even if its path is replaced.
private final class OpenFolder {
  private let descriptor: Int32
  private var status = stat()

  /// Nil if there is no folder at the path, or a link.
  init?(_ path: String) {
    descriptor = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    guard descriptor >= 0, fstat(descriptor, &status) == 0 else { return nil }
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
  }

  /// Whether it belongs to this user and has mode 0700.
  var isPrivate: Bool { status.st_uid == geteuid() && status.st_mode & 0o7777 == 0o700 }

  /// False if another process holds it.
  func lock(_ path: String) throws(LaunchError) -> Bool {
    while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
      let code = errno
      if code == EINTR { continue }
      if code == EWOULDBLOCK { return false }
      throw LaunchError(
        "cannot lock \(path): \(POSIXProcessHost.errorText(code)); its file system does not support locks on folders: set "
          + "XDG_RUNTIME_DIR to a folder of yours on another file system, or use --transport tcp")
    }
    return true
  }

  func isStill(at path: String) -> Bool {
    var now = stat()
    return lstat(path, &now) == 0 && now.st_dev == status.st_dev && now.st_ino == status.st_ino
  }

  /// Removes everything if the folder holds only sockets, and returns true then. With anything else
  /// in it, it is not a launcher's folder, and nothing is removed.
  @discardableResult
  func removeSockets() -> Bool {
    let path = "/proc/self/fd/\(descriptor)"
    let names = DirectoryNames.of(path)
    for name in names {
      var entry = stat()
      guard fstatat(descriptor, name, &entry, AT_SYMLINK_NOFOLLOW) == 0, entry.st_mode & S_IFMT == S_IFSOCK
      else { return false }
    }
    for name in names { unlinkat(descriptor, name, 0) }
    return true
  }
}
