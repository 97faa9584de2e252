// Log lines on standard error.

internal import Glibc

/// Writes `2026-01-31T12:00:00.123Z info replay: text` lines. One write call a line, so lines of several processes do not mix.
public struct Log: Sendable {
  public enum Level: Int, Comparable, Sendable {
    case debug, info, warning, error
    public static func < (left: Level, right: Level) -> Bool { left.rawValue < right.rawValue }
  }

  public var name: String
  public var level: Level

  public init(_ name: String, level: Level = .info) {
    self.name = name
    self.level = level
  }

  public func debug(_ text: @autoclosure () -> String) { write(.debug, text) }
  public func info(_ text: @autoclosure () -> String) { write(.info, text) }
  public func warning(_ text: @autoclosure () -> String) { write(.warning, text) }
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
