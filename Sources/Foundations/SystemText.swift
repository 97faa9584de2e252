// Small text files.

internal import Glibc

/// Reads short files whole, as those of /proc and /sys.
public enum SystemText {
  /// The first `maxBytes` bytes as UTF-8.
  ///
  /// - Throws: `SystemCallError` if it cannot be opened (`ENOENT`: there is none) or read.
  public static func contents(of path: String, maxBytes: Int = 1 << 16) throws(SystemCallError) -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .last("open", path) }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: maxBytes)
    var count = 0
    while count < bytes.count {
      let part = bytes.withUnsafeMutableBytes { buffer in
        Glibc.read(descriptor, buffer.baseAddress! + count, buffer.count - count)
      }
      if part < 0 && errno == EINTR { continue }
      guard part >= 0 else { throw .last("read", path) }
      if part == 0 { break }
      count += part
    }
    return String(decoding: bytes[..<count], as: UTF8.self)
  }

  /// The same, or nil if it cannot be read.
  public static func read(_ path: String, maxBytes: Int = 1 << 16) -> String? {
    try? contents(of: path, maxBytes: maxBytes)
  }
}
