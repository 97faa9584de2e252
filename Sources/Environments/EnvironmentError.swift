// Errors in the use of environments.

/// A mistake of the caller; failures of the environment itself are `EnvironmentFailure`.
public enum EnvironmentError: Error, Equatable {
  /// There is no built-in environment `id`. `known` has all ids, those most similar to `id` first.
  case unknownEnvironment(id: String, known: [String])
  /// The number of environments is not 1 to `EnvironmentCatalog.countMax`.
  case invalidCount(Int)
  /// The action of environment `row` is outside the action space.
  case invalidAction(environment: String, row: Int, expected: String, found: String)
  /// A step before the first reset.
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
      return "\(environment): expected a reset before the first step, found none"
    }
  }
}
