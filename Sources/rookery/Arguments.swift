// Flags.

internal import Configuration

/// Arguments that make no sense.
struct UsageError: Error, CustomStringConvertible {
  var description: String

  init(_ description: String) {
    self.description = description
  }
}

/// The arguments of one subcommand: `--flag value`, `--flag=value`, switches, and the rest.
struct Arguments {
  private(set) var positional: [String] = []
  private var values: [String: [String]] = [:]
  private var switches: Set<String> = []

  /// - Parameters:
  ///   - valued: flags that take a value.
  ///   - plain: flags that take none.
  init(_ arguments: [String], valued: [String] = [], plain: [String] = []) throws(UsageError) {
    var rest = arguments[...]
    while let argument = rest.popFirst() {
      guard argument.hasPrefix("--"), argument.count > 2 else {
        positional.append(argument)
        continue
      }
      let parts = argument.dropFirst(2).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let name = String(parts[0])
      if valued.contains(name) {
        guard let value = parts.count == 2 ? String(parts[1]) : rest.popFirst() else {
          throw UsageError("--\(name): expected a value")
        }
        values[name, default: []].append(value)
      } else if plain.contains(name), parts.count == 1 {
        switches.insert(name)
      } else {
        let nearest = Suggestion.nearest(to: name, among: valued + plain)
        throw UsageError(
          "unknown flag --\(name)" + (nearest.map { "; did you mean --\($0)?" } ?? "; see rookery help"))
      }
    }
  }

  func has(_ name: String) -> Bool { switches.contains(name) }
  func all(_ name: String) -> [String] { values[name] ?? [] }
  func value(_ name: String) -> String? { values[name]?.last }

  func integer(_ name: String, in range: ClosedRange<Int>) throws(UsageError) -> Int? {
    guard let text = value(name) else { return nil }
    guard let number = Int(text), range.contains(number) else {
      throw UsageError(
        "--\(name): expected an integer \(range.lowerBound)…\(range.upperBound), found '\(text)'")
    }
    return number
  }
}
