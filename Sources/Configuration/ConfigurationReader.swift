// Reads layers into typed values.

/// Replaces defaults by the values that are set, and collects known keys and problems.
///
/// A `read` function asks for each of its keys once, with a variable that holds the default. The
/// known keys, the effective configuration and the values thus come from the same lines and cannot
/// disagree.
struct ConfigurationReader {
  /// With this many problems or more, no names are suggested: the file is probably no
  /// configuration, and the search takes long.
  private static let problemsMaxForSuggestions = 50

  private var settings: [String: ConfigurationLayers.Setting]
  /// Only some of the layers are there: keys that belong together may be set by others.
  let isPartial: Bool
  private var prefix = ""
  private(set) var entries: [ConfigurationEntry] = []
  private(set) var problems: [ConfigurationProblem]
  private var sections: [String] = []
  /// Keys that only another setting reads, with that setting.
  private var owners: [String: String] = [:]
  /// Keys of earlier versions, with their new names and what differs.
  private var renamed: [String: (key: String, note: String)] = [:]

  init(_ layers: ConfigurationLayers = ConfigurationLayers(), isPartial: Bool = false) {
    settings = layers.settings
    self.isPartial = isPartial
    problems = layers.problems
  }

  /// Reads the keys of a section.
  mutating func section(_ name: String, _ body: (inout ConfigurationReader) -> Void) {
    let outer = prefix
    sections.append(prefix + name)
    prefix += name + "."
    body(&self)
    prefix = outer
  }

  /// Reads one value.
  ///
  /// - Parameters:
  ///   - value: holds the default; replaced if the key is set to a valid value.
  ///   - expected: the valid values, in words.
  ///   - render: writes a value as YAML.
  ///   - parse: the value of a node; nil if it is not valid.
  ///   - advice: what to do about an invalid node. If it is nil or returns nil, an example is
  ///     shown.
  mutating func value<T>(
    _ key: String, _ value: inout T, expected: String, render: (T) -> String, parse: (YAMLNode) -> T?,
    advice: ((YAMLNode) -> String?)? = nil
  ) {
    let path = prefix + key
    guard let setting = settings[path] else {
      entries.append(ConfigurationEntry(key: path, value: render(value), source: .standard))
      return
    }
    if let parsed = parse(setting.node) {
      value = parsed
    } else {
      let hint = advice?(setting.node) ?? "write for example \(key): \(render(value))"
      problems.append(
        ConfigurationProblem(
          place: setting.source.place, key: path, expected: expected, found: setting.node.found, advice: hint)
      )
    }
    entries.append(ConfigurationEntry(key: path, value: render(value), source: setting.source))
  }

  /// Declares a key of an earlier version: it is refused, with its new name as advice.
  mutating func renamed(_ key: String, to name: String, _ note: String) {
    renamed[prefix + key] = (prefix + name, note)
  }

  /// Reads keys that exist with one setting only. With others they are refused, with that setting
  /// as reason.
  mutating func owned(by owner: String, isRead: Bool, _ body: (inout ConfigurationReader) -> Void) {
    // Another layer may choose that setting.
    if isRead || isPartial { return body(&self) }
    // What it would read is not among the known keys.
    var other = ConfigurationReader(ConfigurationLayers(), isPartial: true)
    other.prefix = prefix
    body(&other)
    for entry in other.entries { owners[entry.key] = owner }
    for section in other.sections { owners[section] = owner }
  }

  /// The full path of a key of the present section.
  func path(_ key: String) -> String { prefix + key }

  /// Whether a layer set a key of the present section.
  func isSet(_ key: String) -> Bool { settings[prefix + key] != nil }

  /// Whether a layer set the algorithm, from which other sections have defaults.
  var choosesAlgorithm: Bool { settings["algorithm.name"] != nil }

  /// Ignores what was set for a key of the present section.
  mutating func hide(_ key: String) { settings[prefix + key] = nil }

  /// The keys that are set below a section, without the section's name.
  func keys(below section: String) -> [String] {
    let start = prefix + section + "."
    return settings.keys.filter { $0.hasPrefix(start) }.map { String($0.dropFirst(start.count)) }
  }

  /// The source of the first key that is set below a section.
  func source(below section: String) -> ValueSource {
    let start = prefix + section
    let first = settings.filter { $0.key == start || $0.key.hasPrefix(start + ".") }.min { $0.key < $1.key }
    return first?.value.source ?? .standard
  }

  /// The layer that set a key; `.standard` if none did.
  func source(of key: String) -> ValueSource {
    settings[key]?.source ?? .standard
  }

  /// Whether a key's value was refused; checks across keys skip it then.
  func isRefused(_ key: String) -> Bool {
    problems.contains { $0.key == key }
  }

  mutating func report(_ problem: ConfigurationProblem) {
    problems.append(problem)
  }

  /// Replaces the source of a key that no layer set.
  mutating func setSource(of key: String, _ source: ValueSource) {
    guard let index = entries.firstIndex(where: { $0.key == key }), entries[index].source == .standard
    else { return }
    entries[index].source = source
  }

  /// Reports the settings that no `read` function asked for; called last.
  mutating func refuseUnknownKeys() {
    let known = Set(entries.map(\.key))
    var reported: Set<String> = []
    for (key, setting) in settings.sorted(by: { $0.key < $1.key }) where !known.contains(key) {
      if sections.contains(key) {
        refuseValue(ofSection: key, setting)
      } else if let value = known.first(where: { key.hasPrefix($0 + ".") }) {
        guard reported.insert(value).inserted else { continue }
        report(
          ConfigurationProblem(
            place: setting.keyPlace, key: value, expected: "one value",
            found: "a section with keys of its own"))
      } else {
        refuseUnknown(key, setting)
      }
    }
  }

  private mutating func refuseValue(ofSection key: String, _ setting: ConfigurationLayers.Setting) {
    if setting.node.isNull || setting.node.mapping != nil { return }
    let keys = entries.compactMap { entry in
      entry.key.hasPrefix(key + ".") ? String(entry.key.dropFirst(key.count + 1)) : nil
    }
    report(
      ConfigurationProblem(
        place: setting.source.place, key: key, expected: "a section with keys of its own",
        found: setting.node.found,
        advice: keys.isEmpty
          ? "its keys are names that you choose" : "its keys are \(keys.joined(separator: ", "))"))
  }

  private mutating func refuseUnknown(_ key: String, _ setting: ConfigurationLayers.Setting) {
    let isProbablyAnotherFile = problems.count >= Self.problemsMaxForSuggestions
    let nearest =
      isProbablyAnotherFile ? nil : Suggestion.nearest(to: key, among: entries.map(\.key) + sections)
    let owned = owners.filter { key == $0.key || key.hasPrefix($0.key + ".") }
    if let (known, owner) = owned.max(by: { $0.key.utf8.count < $1.key.utf8.count }) {
      return report(
        ConfigurationProblem(
          place: setting.keyPlace, key: key, expected: "no value: '\(known)' is a key of \(owner)",
          found: setting.node.found, advice: "remove it, or change \(owner.prefix { $0 != " " })"))
    }
    var advice = "see docs/CONFIGURATION.md for all keys"
    if let now = renamed[key] {
      advice = "it is now called '\(now.key)', \(now.note)"
    } else if let nearest {
      if case .variable = setting.source {
        advice = "did you mean \(ConfigurationLayers.variable(for: nearest))?"
      } else {
        advice = "did you mean '\(nearest)'?"
      }
    }
    report(
      ConfigurationProblem(
        place: setting.keyPlace, expected: "a known key", found: "'\(key)'", advice: advice))
  }
}
