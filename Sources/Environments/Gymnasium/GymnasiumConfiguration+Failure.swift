// Makes failures of Python into failures of environments.

extension GymnasiumConfiguration {
  func failure(
    _ kind: EnvironmentFailure.Kind, _ text: String, traceback: [String] = [], isSetup: Bool
  ) -> EnvironmentFailure {
    EnvironmentFailure(kind, of: "\(id) through Gymnasium", text, traceback: traceback, isSetup: isSetup)
  }

  /// Parses a worker's answer: `E` and the kind, a line break, the text, and optionally a line of
  /// NUL and the traceback.
  func failure(answer: Substring, isSetup: Bool) -> EnvironmentFailure {
    let parts = answer.dropFirst().split(separator: "\n\0\n", maxSplits: 1)
    let lines = (parts.first ?? "").split(separator: "\n", maxSplits: 1)
    return failure(
      EnvironmentFailure.Kind(rawValue: String(lines.first ?? "")) ?? .raised,
      lines.count > 1 ? String(lines[1]) : "no reason",
      traceback: parts.count > 1 ? parts[1].split(separator: "\n").map(String.init) : [], isSetup: isSetup)
  }
}
