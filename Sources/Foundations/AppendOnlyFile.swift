// A file that grows by whole records.

internal import Glibc

/// Appends whole records. While the process runs, a record is in the file whole or not at all: what
/// a full disk cuts short is removed. A crash within a write may leave a torn last record. A file
/// has one writer.
public final class AppendOnlyFile {
  /// The file's path, as given.
  public let path: String
  private let descriptor: Int32

  /// Opens the file; creates it if it is missing.
  public init(path: String) throws(SystemCallError) {
    self.path = path
    descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw .last("open", path) }
  }

  deinit {
    close(descriptor)
  }

  /// Appends a record.
  /// - Throws: `SystemCallError` (disk full, …); the file is then unchanged.
  public func append(_ bytes: [UInt8]) throws(SystemCallError) {
    let before = lseek(descriptor, 0, SEEK_END)
    var done = 0
    while done < bytes.count {
      let written = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress! + done, bytes.count - done) }
      if written < 0 {
        if errno == EINTR { continue }
        let failure = SystemCallError.last("write", path)
        if done > 0 { ftruncate(descriptor, before) }
        throw failure
      }
      done += written
    }
  }

  /// Ends the last line, if an earlier process was cut off within it.
  public func endLine() throws(SystemCallError) {
    let size = lseek(descriptor, 0, SEEK_END)
    var last = UInt8(ascii: "\n")
    guard size > 0, pread(descriptor, &last, 1, size - 1) == 1, last != UInt8(ascii: "\n") else { return }
    try append([UInt8(ascii: "\n")])
  }
}
