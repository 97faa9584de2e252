// The end of a log file.

internal import Glibc

public enum LogTail {
  /// Bytes looked at from the end.
  private static let bytesMax = 16 << 10

  /// The last lines of a file, oldest first; none if it cannot be read.
  public static func lines(of path: String, count: Int) -> [String] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return [] }
    defer { close(descriptor) }
    let size = Int(lseek(descriptor, 0, SEEK_END))
    let start = max(0, size - bytesMax)
    var bytes = [UInt8](repeating: 0, count: max(0, size - start))
    let read = pread(descriptor, &bytes, bytes.count, off_t(start))
    guard read > 0 else { return [] }
    var lines = bytes[..<read].split(separator: UInt8(ascii: "\n"))
    if start > 0, !lines.isEmpty { lines.removeFirst() }  // most likely half a line
    return lines.suffix(count).map { String(decoding: $0, as: UTF8.self) }
  }
}
