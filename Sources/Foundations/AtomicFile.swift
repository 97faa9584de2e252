// Files that are replaced whole or not at all.

internal import Glibc

/// Replaces a file so that a reader, or a crash at any moment, sees the old content or the new,
/// never a mixture: temporary file beside it, fsync, rename, fsync of the directory.
public enum AtomicFile {
  /// Appends bytes to the file being written.
  public struct Writer: ~Copyable {
    fileprivate let descriptor: Int32
    fileprivate let path: String

    /// - Throws: `SystemCallError` (disk full, …). Let it pass, and the old file stays.
    public func write(_ bytes: UnsafeRawBufferPointer) throws(SystemCallError) {
      var rest = bytes[...]
      while !rest.isEmpty {
        let written = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
        if written < 0 {
          if errno == EINTR { continue }
          throw .last("write", path)
        }
        rest = rest.dropFirst(written)
      }
    }
  }

  /// Replaces `path` by what `body` writes. If `body` throws, `path` is unchanged and the temporary
  /// file is removed.
  ///
  /// - Parameter syncsToDisk: waits for the disk. Pass false for what need not survive a crash
  ///   of the machine.
  /// - Throws: `SystemCallError`, or what `body` throws.
  public static func replace(
    _ path: String, syncsToDisk: Bool = true, _ body: (borrowing Writer) throws -> Void
  ) throws {
    // Random, not the process id: in containers every process may have number 1.
    let temporary = "\(path).\(String(SeededGenerator.fromSystem().s0, radix: 16)).tmp"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw SystemCallError.last("create", temporary) }
    do {
      defer { close(descriptor) }
      try body(Writer(descriptor: descriptor, path: temporary))
      guard !syncsToDisk || fsync(descriptor) == 0 else {
        throw SystemCallError.last("sync", temporary)
      }
      guard rename(temporary, path) == 0 else { throw SystemCallError.last("rename to", path) }
    } catch {
      unlink(temporary)
      throw error
    }
    if syncsToDisk { try synchronizeDirectory(of: path) }
  }

  /// Replaces `path` by `bytes`.
  public static func replace(_ path: String, with bytes: [UInt8], syncsToDisk: Bool = true) throws {
    try replace(path, syncsToDisk: syncsToDisk) { writer in
      try bytes.withUnsafeBytes { try writer.write($0) }
    }
  }

  private static func synchronizeDirectory(of path: String) throws(SystemCallError) {
    let directory: String
    if let slash = path.lastIndex(of: "/") {
      directory = slash == path.startIndex ? "/" : String(path[..<slash])
    } else {
      directory = "."
    }
    let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .last("open", directory) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw .last("sync", directory) }
  }
}
