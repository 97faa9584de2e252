// Waits for events, never for a fixed time.

import Foundation
import Foundations
import Glibc

/// An event that did not happen in time.
struct TimedOut: Error, CustomStringConvertible {
  var description: String
}

/// Calls `body` until it returns a value.
///
/// - Throws: `TimedOut` with `what` after `seconds`; the bound is generous, so that only an event
///   that never happens reaches it.
func eventually<Found>(
  _ what: @autoclosure () -> String, within seconds: Double = 60, _ body: () throws -> Found?
) throws -> Found {
  let deadline = SystemClock.now() + .seconds(seconds)
  while true {
    if let found = try body() { return found }
    guard SystemClock.now() < deadline else {
      throw TimedOut(description: "waited \(seconds) s for \(what())")
    }
    usleep(10_000)
  }
}

/// Calls `body` until it returns true.
func eventually(
  _ what: @autoclosure () -> String, within seconds: Double = 60, isTrue body: () throws -> Bool
) throws {
  let _: Bool = try eventually(what(), within: seconds) { try body() ? true : nil }
}

enum Text {
  /// A file's text; empty if there is none.
  static func read(_ path: String) -> String {
    FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) } ?? ""
  }

  static func write(_ text: String, to path: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
  }

  /// The number before `suffix` in the last line that has it: `stopped after 12 updates`.
  static func number(before suffix: String, in text: String) -> Int? {
    guard let range = text.range(of: suffix, options: .backwards) else { return nil }
    return text[..<range.lowerBound].split(separator: " ", omittingEmptySubsequences: false).last.flatMap {
      Int($0)
    }
  }

  /// The objects of lines of JSON.
  static func objects(_ text: String) throws -> [[String: Any]] {
    try text.split(separator: "\n").map { line in
      guard let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any] else {
        throw TimedOut(description: "expected an object, found \(line)")
      }
      return object
    }
  }
}
