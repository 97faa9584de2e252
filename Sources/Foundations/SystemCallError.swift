// A failed call of the operating system.

internal import Glibc

/// For example `cannot open '/data/x': No such file or directory (errno 2)`.
public struct SystemCallError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What was tried, as a verb: `open`, `spawn`.
  public var operation: String
  /// The path, command or process it was tried on; may be empty.
  public var subject: String
  /// The `errno` value.
  public var code: Int32

  public init(_ operation: String, _ subject: String = "", code: Int32) {
    self.operation = operation
    self.subject = subject
    self.code = code
  }

  /// With the `errno` of the calling thread: make it right after the failed call.
  public static func last(_ operation: String, _ subject: String = "") -> SystemCallError {
    SystemCallError(operation, subject, code: errno)
  }

  public var description: String {
    let reason = strerror(code).map { String(cString: $0) } ?? "unknown error"
    return "cannot \(operation)\(subject.isEmpty ? "" : " '\(subject)'"): \(reason) (errno \(code))"
  }
}
