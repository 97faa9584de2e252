// Problems of a configuration, with their places.

/// A place in a text file.
public struct SourcePlace: Hashable, Sendable, CustomStringConvertible {
  /// Path, as the user gave it.
  public var file: String
  /// Counted from 1.
  public var line: Int
  /// Counted from 1.
  public var column: Int

  public init(file: String, line: Int, column: Int) {
    self.file = file
    self.line = line
    self.column = column
  }

  /// `file:line:column`, as compilers and editors write it.
  public var description: String { "\(file):\(line):\(column)" }
}

/// One refusal: where, which key, what was expected, what was found, and what to do.
public struct ConfigurationProblem: Hashable, Sendable, CustomStringConvertible {
  /// `file:line:column`, or the name of the variable or argument.
  public var place: String
  /// The full key; empty if the text itself is malformed.
  public var key: String
  /// What would be valid, as words that follow "expected".
  public var expected: String
  /// The value in place of it, as words that follow "found".
  public var found: String
  /// What to do; may be empty.
  public var advice: String

  public init(place: String, key: String = "", expected: String, found: String, advice: String = "") {
    self.place = place
    self.key = key
    self.expected = expected
    self.found = found
    self.advice = advice
  }

  public var description: String {
    let subject = key.isEmpty ? "" : "\(key): "
    let hint = advice.isEmpty ? "" : "; \(advice)"
    return "\(place): \(subject)expected \(expected), found \(found)\(hint)"
  }
}

/// All problems of a file and of the layers over it.
public struct ConfigurationError: Error, Hashable, Sendable, CustomStringConvertible {
  /// At least one, in the order in which they were found.
  public var problems: [ConfigurationProblem]

  public init(_ problems: [ConfigurationProblem]) {
    self.problems = problems
  }

  public init(_ problem: ConfigurationProblem) {
    self.init([problem])
  }

  public var description: String {
    problems.map(\.description).joined(separator: "\n")
  }
}
