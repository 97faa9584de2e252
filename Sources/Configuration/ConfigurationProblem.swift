// What is wrong with what somebody wrote, and where.

/// A place in a text file; lines and columns count from 1.
public struct SourcePlace: Hashable, Sendable, CustomStringConvertible {
  public var file: String
  public var line: Int
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
  /// The key concerned; empty where the text itself is at fault.
  public var key: String
  public var expected: String
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

/// Everything wrong with a file and what overrides it, all at once.
public struct ConfigurationError: Error, Hashable, Sendable, CustomStringConvertible {
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
