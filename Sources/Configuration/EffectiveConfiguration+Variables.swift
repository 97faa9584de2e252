// Settings for processes that read their configuration themselves.

extension EffectiveConfiguration {
  /// `key=value` settings as environment variables, which win over the file that a process reads.
  ///
  /// - Throws: `ConfigurationError` for an unknown key, a key that no variable can name, and an
  ///   invalid value. Conflicts between values are left to the process, which knows all of them.
  public static func variables(for settings: [String]) throws(ConfigurationError) -> [String: String] {
    var layers = ConfigurationLayers()
    for argument in settings { layers.add(argument: argument) }
    var reader = ConfigurationReader(layers, isPartial: true)
    var variables: [String: String] = [:]
    for (key, setting) in layers.settings.sorted(by: { $0.key < $1.key }) {
      guard case .argument(let text) = setting.source, let equals = text.firstIndex(of: "=") else { continue }
      let name = ConfigurationLayers.variable(for: key)
      if ConfigurationLayers.key(ofVariable: name) != key {
        reader.report(
          ConfigurationProblem(
            place: setting.keyPlace, key: key, expected: "a key in small letters, without two underscores",
            found: key,
            advice: "set it in the configuration file: here it becomes an environment variable"))
      }
      variables[name] = String(text[text.index(after: equals)...])
    }
    var run = RunConfiguration()
    run.read(&reader)
    reader.refuseUnknownKeys()
    guard reader.problems.isEmpty else { throw ConfigurationError(reader.problems) }
    return variables
  }
}
