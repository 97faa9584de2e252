// The layers that set values: file, environment variables, arguments.

/// The values that the layers set, by full key. A later layer hides the values of earlier ones.
struct ConfigurationLayers {
  struct Setting {
    var node: YAMLNode
    var source: ValueSource
    /// The key's own place; `source` has the value's.
    var keyPlace: String
  }

  private(set) var settings: [String: Setting] = [:]
  private(set) var problems: [ConfigurationProblem] = []

  /// The variables without a double underscore that set keys. Other such variables
  /// (`ROOKERY_REPLAY_ADDRESS`, …) tell a process its addresses and folders.
  private static let plainVariables = ["ROOKERY_NAME", "ROOKERY_SEED"]
  private static let prefix = "ROOKERY_"

  /// The variable that sets a key.
  static func variable(for key: String) -> String {
    prefix + key.split(separator: ".").map { $0.uppercased() }.joined(separator: "__")
  }

  mutating func add(_ document: YAMLDocument) {
    let root = document.root
    if root.isNull { return }
    guard let pairs = root.mapping else {
      problems.append(
        ConfigurationProblem(
          place: root.place.description, expected: "keys and values", found: root.found,
          advice: "see docs/CONFIGURATION.md"))
      return
    }
    flatten(pairs, prefix: "")
  }

  private mutating func flatten(_ pairs: [YAMLPair], prefix: String) {
    for pair in pairs {
      let key = prefix + pair.key
      if let inner = pair.value.mapping, !inner.isEmpty {
        flatten(inner, prefix: key + ".")
      } else if let first = settings[key] {
        problems.append(
          ConfigurationProblem(
            place: pair.keyPlace.description, key: key, expected: "each key once",
            found: "a second one", advice: "remove one; the first is at \(first.keyPlace)"))
      } else {
        settings[key] = Setting(
          node: pair.value, source: .file(pair.value.place), keyPlace: pair.keyPlace.description)
      }
    }
  }

  /// Adds the variables that name keys. An empty variable sets nothing, so that `${X:-}` in a
  /// compose file leaves the default.
  mutating func add(variables: [String: String]) {
    for (name, value) in variables.sorted(by: { $0.key < $1.key }) where name.hasPrefix(Self.prefix) {
      let rest = String(name.dropFirst(Self.prefix.count))
      guard rest.contains("__") || Self.plainVariables.contains(name), !value.isEmpty else { continue }
      set(Self.key(ofVariable: name), to: value, from: .variable(name))
    }
  }

  /// The key that a variable sets.
  static func key(ofVariable name: String) -> String {
    var key = ""
    var rest = Substring(name.dropFirst(prefix.count).lowercased())
    while let separator = rest.firstRange(of: "__") {
      key += rest[..<separator.lowerBound] + "."
      rest = rest[separator.upperBound...]
    }
    return key + rest
  }

  /// Adds one `--set key=value`.
  mutating func add(argument: String) {
    guard let equals = argument.firstIndex(of: "="), equals != argument.startIndex else {
      problems.append(
        ConfigurationProblem(
          place: "--set \(argument)", expected: "key=value", found: argument,
          advice: "write for example --set actor.replicas=4"))
      return
    }
    let value = String(argument[argument.index(after: equals)...])
    set(String(argument[..<equals]), to: value, from: .argument(argument))
  }

  private mutating func set(_ key: String, to text: String, from source: ValueSource) {
    let place = SourcePlace(file: source.description, line: 1, column: 1)
    var node = YAMLNode(.scalar(text, plain: true), at: place)
    if let first = text.first, "[\"'".contains(first) {
      do {
        node = try YAMLDocument(text, file: source.description).root
      } catch {
        problems += error.problems
        return
      }
    }
    settings[key] = Setting(node: node, source: source, keyPlace: source.description)
  }
}
