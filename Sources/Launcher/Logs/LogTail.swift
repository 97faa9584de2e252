// The end of a log file.

internal import Glibc

/// Reads the last lines of log files.
public enum LogTail {
  /// Bytes that are read from the end.
  private static let bytesMax = 16 << 10

  /// Bytes of a file; 0 if it cannot be read.
  public static func size(of path: String) -> Int {
    var status = stat()
    return stat(path, &status) == 0 ? Int(status.st_size) : 0
  }

  /// The last lines of a file, of its last 16 KiB at most, oldest first; none if it cannot be read.
  ///
  /// - Parameter begin: offset of the first byte that may be read.
  public static func lines(of path: String, count: Int, from begin: Int = 0) -> [String] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return [] }
    defer { close(descriptor) }
    let size = Int(lseek(descriptor, 0, SEEK_END))
    let start = max(begin, size - bytesMax)
    var bytes = [UInt8](repeating: 0, count: max(0, size - start))
    let read = pread(descriptor, &bytes, bytes.count, off_t(start))
    guard read > 0 else { return [] }
    var lines = bytes[..<read].split(separator: UInt8(ascii: "\n"))
    if start > begin, !lines.isEmpty { lines.removeFirst() }  // most likely half a line
    return lines.suffix(count).map { String(decoding: $0, as: UTF8.self) }
  }
}
