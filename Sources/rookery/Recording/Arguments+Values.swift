// Flags whose values are times or lists of names.

internal import Console

extension Arguments {
  /// The seconds of a time as 90, 90s, 1.5m or 1h; nil if the flag was not given.
  func seconds(_ flag: String) throws(UsageError) -> Double? {
    guard let text = value(flag) else { return nil }
    let units: [Character: Double] = ["s": 1, "m": 60, "h": 3600]
    let unit = text.last.flatMap { units[$0] }
    // A billion seconds are more than 30 years.
    guard let number = Double(unit == nil ? text[...] : text.dropLast()), number >= 0,
      number * (unit ?? 1) <= 1e9
    else { throw UsageError("--\(flag): expected a time as 90, 90s, 1.5m or 1h, found '\(text)'") }
    return number * (unit ?? 1)
  }

  /// Names separated by commas; nil if there are none.
  func names(_ flag: String) -> [String]? {
    let names = all(flag).flatMap { $0.split(separator: ",") }.map {
      String($0.trimmingPrefix(while: \.isWhitespace))
    }
    return names.isEmpty ? nil : names
  }

  /// The same as a setting of a key that holds a list.
  func setting(_ key: String, names flag: String) -> String? {
    names(flag).map { names in
      "\(key)=[\(names.map(CommandLineInterface.quoted).joined(separator: ", "))]"
    }
  }
}
