// Durations of compose files.

import Foundations

/// Parses durations of compose files.
enum ComposeDuration {
  private static let units: [(name: String, seconds: Double)] = [
    ("us", 1e-6), ("ms", 1e-3), ("s", 1), ("m", 60), ("h", 3600),
  ]

  /// `1m30s`, `500ms`, `1.5s`; nil for anything else, and for more than a year.
  static func parse(_ text: String) -> Instant.Span? {
    var rest = text[...]
    var seconds = 0.0
    repeat {
      let digits = rest.prefix { "0123456789.".contains($0) }
      rest = rest[digits.endIndex...]
      let unit = rest.prefix { $0.isLetter }
      rest = rest[unit.endIndex...]
      guard let number = Double(digits), let factor = units.first(where: { $0.name == unit })?.seconds else {
        return nil
      }
      seconds += number * factor
    } while !rest.isEmpty
    return seconds <= 366 * 86_400 ? .seconds(seconds) : nil
  }
}
