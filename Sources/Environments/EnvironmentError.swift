// What can be wrong with an environment or its use.

/// Why an environment could not be made or stepped.
public enum EnvironmentError: Error, Equatable {
  /// `known` is ordered by likeness to `id`, nearest first.
  case unknownEnvironment(id: String, known: [String])
  case invalidCount(Int)
  case invalidAction(environment: String, row: Int, expected: String, found: String)
  case notReset(environment: String)
}

extension EnvironmentError {
  static func invalidAction(
    _ spec: EnvironmentSpec, _ outside: (row: Int, expected: String, found: String)
  ) -> EnvironmentError {
    .invalidAction(
      environment: spec.id, row: outside.row, expected: outside.expected, found: outside.found)
  }
}

extension EnvironmentError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .unknownEnvironment(let id, let known):
      let list = known.map { "'\($0)'" }.joined(separator: ", ")
      return "unknown environment '\(id)': expected one of \(list)"
    case .invalidCount(let count):
      return "environments in a batch: expected 1 to \(EnvironmentCatalog.countMax), found \(count)"
    case .invalidAction(let environment, let row, let expected, let found):
      return "\(environment): action of row \(row): expected \(expected), found \(found)"
    case .notReset(let environment):
      return "\(environment): step before the first reset"
    }
  }
}
