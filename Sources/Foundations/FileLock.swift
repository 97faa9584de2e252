// A lock that dies with its process.

internal import Glibc

/// An exclusive `flock` of a file, made if missing. The kernel releases it when the holder dies, however it dies.
///
/// Whoever can open a file, if only for reading, can hold its lock for ever. So the file is its
/// user's alone (0600, whatever the mask says), and keep it in a folder of which the same holds.
public final class FileLock {
  private let descriptor: Int32

  private init(descriptor: Int32) {
    self.descriptor = descriptor
  }

  deinit {
    close(descriptor)
  }

  /// Takes the lock, or returns nil if another holds it still after `patience`: a process that is being killed holds its locks a
  /// moment longer than it seems to live.
  ///
  /// - Throws: `SystemCallError` if the file cannot be opened (ELOOP: it is a symbolic link, which
  ///   could lead anywhere) or the file system knows no locks; `PrivateFileError` if it is another
  ///   user's.
  public static func take(_ path: String, patience: Instant.Span = .zero) throws -> FileLock? {
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw SystemCallError.last("open", path) }
    do {
      try PrivateFiles.closeToOthers(descriptor, path, mode: 0o600)
    } catch {
      close(descriptor)
      throw error
    }
    let deadline = SystemClock.now() + patience
    while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
      let code = errno
      if code == EINTR { continue }
      guard code == EWOULDBLOCK, SystemClock.now() < deadline else {
        close(descriptor)
        if code == EWOULDBLOCK { return nil }
        throw SystemCallError("lock", path, code: code)
      }
      usleep(5_000)
    }
    return FileLock(descriptor: descriptor)
  }
}
