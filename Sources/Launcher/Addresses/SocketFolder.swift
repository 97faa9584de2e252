// The folder of a run's Unix sockets.

internal import Foundations
internal import Glibc

/// A folder of one run, made by `mkdtemp`, which only its user can enter: who cannot enter it
/// reaches none of the sockets in it.
///
/// Its launcher holds the folder's own `flock` as long as it lives, and removes it at the end. One
/// that is not held was left by a launcher that was killed: the next one removes it. Nobody else
/// can hold that lock, as nobody else can open the folder; and systemd-tmpfiles, which clears
/// `/tmp` of what is old, leaves alone what is held.
public final class SocketFolder {
  public let path: String
  private let folder: OpenFolder

  /// What its name begins with; six random letters follow.
  static let prefix = "rookery-ipc-"
  /// A socket's path has at most 107 bytes. With a parent as long as this, a service's name of
  /// `nameBytesMax`, a replica and a port of five digits it has 97.
  static let parentBytesMax = 40
  static let nameBytesMax = 24
  private static let attemptsMax = 100

  /// - Parameter parent: as `SocketParent` chooses it.
  /// - Throws: `LaunchError` if none can be made or locked there.
  public init(in parent: String) throws(LaunchError) {
    for _ in 0..<Self.attemptsMax {
      var template = Array("\(parent)/\(Self.prefix)XXXXXX".utf8CString)
      guard mkdtemp(&template) != nil else {
        throw Self.failure("make a folder in \(parent)", errno)
      }
      let path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
      // Another launcher that looks for what is left may have found it before it was locked.
      guard let folder = OpenFolder(path), folder.isPrivate else { continue }
      guard try folder.lock(path), folder.isStill(at: path) else { continue }
      self.path = path
      self.folder = folder
      return
    }
    throw LaunchError(
      "\(parent): expected to make a folder there, found each of \(Self.attemptsMax) gone at once")
  }

  deinit {
    folder.removeSockets()
    rmdir(path)
  }

  /// The socket of a replica, for what is port `port` over TCP.
  ///
  /// - Parameter name: of the service, or what stands for a name that is too long.
  func address(_ name: String, _ replica: Int, _ port: String) -> String {
    "ipc://\(path)/\(name)-\(replica).\(port)"
  }

  private static func failure(_ what: String, _ code: Int32) -> LaunchError {
    LaunchError(
      "cannot \(what): \(POSIXProcessHost.errorText(code)); set XDG_RUNTIME_DIR to a folder of yours, or use --transport tcp"
    )
  }

  /// Removes what launchers of this user that were killed have left in a folder. What is in use,
  /// another user's, or holds anything but sockets is left alone. Returns how many there were.
  public static func removeLeft(in parent: String) -> Int {
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

/// An open folder: what was looked at is what is locked and emptied, whatever its name leads to
/// meanwhile.
private final class OpenFolder {
  private let descriptor: Int32
  private var status = stat()

  /// Nil if there is none, or a link in its place.
  init?(_ path: String) {
    descriptor = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    guard descriptor >= 0, fstat(descriptor, &status) == 0 else { return nil }
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
  }

  /// This user's and nobody else's.
  var isPrivate: Bool { status.st_uid == geteuid() && status.st_mode & 0o7777 == 0o700 }

  /// False if another process holds it.
  func lock(_ path: String) throws(LaunchError) -> Bool {
    while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
      let code = errno
      if code == EINTR { continue }
      if code == EWOULDBLOCK { return false }
      throw LaunchError(
        "cannot lock \(path): \(POSIXProcessHost.errorText(code)); its file system knows no locks of folders: set XDG_RUNTIME_DIR "
          + "to a folder of yours on another, or use --transport tcp")
    }
    return true
  }

  func isStill(at path: String) -> Bool {
    var now = stat()
    return lstat(path, &now) == 0 && now.st_dev == status.st_dev && now.st_ino == status.st_ino
  }

  /// True if nothing is left in it. It holds sockets only; with anything else in it, it is not what
  /// it seems, and nothing is removed.
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
