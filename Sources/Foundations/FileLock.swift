// A lock that ends with its process.

internal import Glibc

/// An exclusive `flock` of a file, which is created if missing. The kernel releases it when the
/// holder ends, however it ends.
///
/// A process that can open the file, if only for reading, can hold its lock for ever. So the file
/// belongs to its user alone (0600, whatever the mask says). Keep it in a folder that does too.
public final class FileLock {
  private let descriptor: Int32

  private init(descriptor: Int32) {
    self.descriptor = descriptor
  }

  deinit {
    // A child that was forked and has not executed its program yet would hold it on.
    flock(descriptor, LOCK_UN)
    close(descriptor)
  }

  /// Acquires the lock. Returns nil if another process still holds it after `patience`: a process
  /// that is being killed holds its locks a moment longer than it seems to run.
  ///
  /// - Throws: `SystemCallError` if the file cannot be opened (ELOOP: it is a symbolic link, which
  ///   could lead anywhere) or the file system has no locks. `PrivateFileError` if it is another
  ///   user's.
  public static func acquire(_ path: String, patience: Instant.Span = .zero) throws -> FileLock? {
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
