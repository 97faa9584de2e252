// Reads a whole file.

internal import Glibc

/// Reads files of bounded size.
public enum TextFile {
  /// The bytes of a file.
  ///
  /// - Throws: `ConfigurationError` if it cannot be read or has more than `bytesMax` bytes.
  public static func read(_ path: String, bytesMax: Int) throws(ConfigurationError) -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure(path, errno) }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let count = Glibc.read(descriptor, &buffer, buffer.count)
      if count < 0 {
        if errno == EINTR { continue }
        throw failure(path, errno)
      }
      if count == 0 { return bytes }
      bytes.append(contentsOf: buffer[..<count])
      guard bytes.count <= bytesMax else {
        throw ConfigurationError(
          ConfigurationProblem(
            place: path, expected: "a file of at most \(bytesMax) bytes", found: "a larger one",
            advice: "check the path"))
      }
    }
  }

  private static func failure(_ path: String, _ code: CInt) -> ConfigurationError {
    let advice =
      code == ENOENT
      ? "check the path; it is taken from the current folder" : "check the file's type and permissions"
    return ConfigurationError(
      ConfigurationProblem(
        place: path, expected: "a readable file", found: String(cString: strerror(code)), advice: advice))
  }
}
