// Parses the arguments of a subcommand.

internal import Configuration

/// Invalid arguments.
public struct UsageError: Error, CustomStringConvertible {
  /// The whole message.
  public var description: String

  public init(_ description: String) {
    self.description = description
  }
}

/// The arguments of one subcommand: `--flag value`, `--flag=value`, switches, and the rest.
public struct Arguments {
  /// The arguments that belong to no flag, in order.
  public private(set) var positional: [String] = []
  private var values: [String: [String]] = [:]
  private var switches: Set<String> = []

  /// Parses arguments.
  ///
  /// - Parameters:
  ///   - valued: flags with a value.
  ///   - plain: flags without a value.
  ///   - short: the long names of one-letter flags: `-f FILE`, `-d`.
  /// - Throws: `UsageError` for an unknown flag, and a missing or unexpected value.
  public init(
    _ arguments: [String], valued: [String] = [], plain: [String] = [], short: [String: String] = [:]
  ) throws(UsageError) {
    var rest = arguments[...]
    while let argument = rest.popFirst() {
      guard argument.hasPrefix("-"), argument.count > 1 else {
        positional.append(argument)
        continue
      }
      let parts = argument.drop { $0 == "-" }.split(
        separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      var name = parts.first.map(String.init) ?? ""
      if !argument.hasPrefix("--") {
        guard let long = short[name] else { throw Self.unknown(argument, name, valued + plain) }
        name = long
      }
      if valued.contains(name) {
        guard let value = parts.count == 2 ? String(parts[1]) : rest.popFirst() else {
          throw UsageError("--\(name): expected a value")
        }
        values[name, default: []].append(value)
      } else if plain.contains(name) {
        guard parts.count == 1 else { throw UsageError("--\(name): expected no value, found '\(parts[1])'") }
        switches.insert(name)
      } else {
        throw Self.unknown("--\(name)", name, valued + plain)
      }
    }
  }

  private static func unknown(_ flag: String, _ name: String, _ known: [String]) -> UsageError {
    let nearest = Suggestion.nearest(to: name, among: known)
    return UsageError(
      "unknown flag \(flag)" + (nearest.map { "; did you mean --\($0)?" } ?? "; see rookery help"))
  }

  /// Refuses arguments that belong to no flag; `usage` is what was expected.
  public func expectNoPositional(_ usage: String) throws(UsageError) {
    guard let first = positional.first else { return }
    throw UsageError("expected \(usage), found '\(first)'")
  }

  /// Whether a flag without a value was given.
  public func has(_ name: String) -> Bool { switches.contains(name) }
  /// All values of a flag, in order.
  public func all(_ name: String) -> [String] { values[name] ?? [] }
  /// The last value of a flag; nil if it was not given.
  public func value(_ name: String) -> String? { values[name]?.last }

  /// The last value of a flag as an integer; nil if it was not given.
  ///
  /// - Throws: `UsageError` for other text and numbers outside the range.
  public func integer(_ name: String, in range: ClosedRange<Int>) throws(UsageError) -> Int? {
    guard let text = value(name) else { return nil }
    guard let number = Int(text), range.contains(number) else {
      throw UsageError(
        "--\(name): expected an integer from \(range.lowerBound) to \(range.upperBound), found '\(text)'")
    }
    return number
  }
}
