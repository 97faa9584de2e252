// Log lines on standard error.

internal import Glibc

/// Writes lines as `2026-01-31T12:00:00.123Z info replay: text`, each in one call, so that lines of
/// several processes do not mix.
public struct Log: Sendable {
  /// In rising order; a log writes its own level and higher ones.
  public enum Level: Int, Comparable, Sendable {
    case debug, info, warning, error
    public static func < (left: Level, right: Level) -> Bool { left.rawValue < right.rawValue }
  }

  /// The process that writes, as it appears in each line.
  public var name: String
  /// Lines below this level are dropped, and their texts not made.
  public var level: Level

  public init(_ name: String, level: Level = .info) {
    self.name = name
    self.level = level
  }

  /// Writes one line if the log's level admits it; a failed write is ignored.
  public func debug(_ text: @autoclosure () -> String) { write(.debug, text) }
  /// The same at level info.
  public func info(_ text: @autoclosure () -> String) { write(.info, text) }
  /// The same at level warning.
  public func warning(_ text: @autoclosure () -> String) { write(.warning, text) }
  /// The same at level error.
  public func error(_ text: @autoclosure () -> String) { write(.error, text) }

  private func write(_ level: Level, _ text: () -> String) {
    guard level >= self.level else { return }
    let line = "\(Self.timestamp(SystemClock.wallNanoseconds())) \(level) \(name): \(text())\n"
    var bytes = Array(line.utf8)
    bytes.withUnsafeMutableBytes { buffer in
      var offset = 0
      while offset < buffer.count {
        let written = Glibc.write(2, buffer.baseAddress! + offset, buffer.count - offset)
        if written < 0 {
          if errno == EINTR { continue }
          return
        }
        offset += written
      }
    }
  }

  /// ISO 8601, UTC, milliseconds.
  public static func timestamp(_ wallNanoseconds: Int64) -> String {
    var seconds = time_t(wallNanoseconds / 1_000_000_000)
    var parts = tm()
    gmtime_r(&seconds, &parts)
    func pad(_ value: some BinaryInteger, _ width: Int) -> String {
      let digits = String(value)
      return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
    let date = "\(pad(parts.tm_year + 1900, 4))-\(pad(parts.tm_mon + 1, 2))-\(pad(parts.tm_mday, 2))"
    let clock = "\(pad(parts.tm_hour, 2)):\(pad(parts.tm_min, 2)):\(pad(parts.tm_sec, 2))"
    return "\(date)T\(clock).\(pad(wallNanoseconds / 1_000_000 % 1000, 3))Z"
  }
}
