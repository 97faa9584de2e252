// A lock that dies with its process.

internal import Glibc

/// An exclusive `flock` of a file, made if missing. The kernel releases it when the holder dies, however it dies.
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
  /// - Throws: `SystemCallError` if the file cannot be opened or the file system knows no locks.
  public static func take(_ path: String, patience: Instant.Span = .zero) throws(SystemCallError) -> FileLock?
  {
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw .last("open", path) }
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
