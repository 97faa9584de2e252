// Decodes a merged tree into services.

import Configuration

/// Collects services, notes and problems.
struct ComposeDecoder {
  /// The contents of a whole tree.
  struct Model {
    var name = ""
    var services: [ComposeService] = []
    var volumes: [String] = []
    /// Names of services without an active profile.
    var inactive: [String] = []
  }

  let file: String
  let directory: String
  let variables: [String: String]
  var problems: [ConfigurationProblem]
  private(set) var notes: [String] = []

  /// Most replicas of a service.
  static let replicasMax = 10_000
  /// Most services, so that searches over them stay small.
  static let servicesMax = 1000

  init(file: String, directory: String, variables: [String: String], problems: [ConfigurationProblem]) {
    self.file = file
    self.directory = directory
    self.variables = variables
    self.problems = problems
  }

  /// Adds a sentence to `notes`, once.
  mutating func addNote(_ text: String) {
    if !notes.contains(text) { notes.append(text) }
  }

  mutating func addUnsetNote(_ variable: String) {
    addNote("the variable \(variable) is not set; its value is taken to be empty")
  }

  mutating func refuse(
    _ node: YAMLNode, _ key: String, expected: String, found: String? = nil, advice: String = ""
  ) {
    problems.append(
      ConfigurationProblem(
        place: node.place.description, key: key, expected: expected, found: found ?? node.found,
        advice: advice))
  }

  /// The pairs of a mapping with keys in `known`. Keys in `ignored` and `unenforced` add a note,
  /// all others are refused.
  mutating func pairs(
    _ node: YAMLNode, _ key: String, known: [String], ignored: [String] = [], unenforced: [String] = []
  ) -> [YAMLPair] {
    if node.isNull { return [] }
    guard let pairs = node.mapping else {
      refuse(node, key, expected: "a mapping")
      return []
    }
    return pairs.filter { pair in
      if known.contains(pair.key) { return true }
      if pair.key.hasPrefix("x-") { return false }
      if ignored.contains(pair.key) {
        addNote("'\(pair.key)' has no meaning for local processes and is ignored")
        return false
      }
      if unenforced.contains(pair.key) {
        addNote("'\(pair.key)' is not enforced for local processes")
        return false
      }
      let nearest = Suggestion.nearest(to: pair.key, among: known + ignored).map { "did you mean '\($0)'?" }
      let advice =
        ComposeKeys.instead[pair.key] ?? nearest ?? "the honoured keys are \(known.joined(separator: ", "))"
      problems.append(
        ConfigurationProblem(
          place: pair.keyPlace.description, key: key, expected: "a key that the launcher honours",
          found: "'\(pair.key)'", advice: advice))
      return false
    }
  }

  mutating func decode(_ root: YAMLNode, profiles: [String]) -> Model {
    var model = Model(name: projectName(root["name"]))
    for pair in pairs(root, "", known: ComposeKeys.file, ignored: ComposeKeys.fileNoted) {
      switch pair.key {
      case "services": model.services = decodeServices(pair.value)
      case "volumes": model.volumes = decodeVolumes(pair.value)
      default: break
      }
    }
    if model.services.isEmpty, problems.isEmpty { refuse(root, "services", expected: "at least one service") }
    select(profiles, &model, root)
    checkReferences(model, root)
    return model
  }

  private mutating func decodeServices(_ node: YAMLNode) -> [ComposeService] {
    guard let pairs = node.mapping else {
      refuse(node, "services", expected: "a mapping of services")
      return []
    }
    guard pairs.count <= Self.servicesMax else {
      refuse(node, "services", expected: "at most \(Self.servicesMax) services", found: "\(pairs.count)")
      return []
    }
    var services: [ComposeService] = []
    for pair in pairs {
      guard Self.isServiceName(pair.key) else {
        problems.append(
          ConfigurationProblem(
            place: pair.keyPlace.description, key: "services",
            expected: "a name of letters, digits, '.', '_' and '-' that starts with a letter or digit",
            found: "'\(pair.key)'"))
        continue
      }
      if let service = decodeService(pair) { services.append(service) }
    }
    return services
  }

  /// A whole number, quoted or not. Compose accepts both, as the value of a variable is a string.
  static func integer(_ node: YAMLNode) -> Int? { unquoted(node).integer(Int.self) }

  /// True or false, quoted or not.
  static func bool(_ node: YAMLNode) -> Bool? { unquoted(node).bool }

  private static func unquoted(_ node: YAMLNode) -> YAMLNode {
    guard case .scalar(let text, _) = node.content else { return node }
    return YAMLNode(.scalar(text, plain: true), at: node.place)
  }

  static func isServiceName(_ name: String) -> Bool {
    guard let first = name.first, first.isASCII, first.isLetter || first.isNumber, name.count <= 63 else {
      return false
    }
    return name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0)) }
  }

  /// `COMPOSE_PROJECT_NAME`, else `name:`, else the folder's name.
  private mutating func projectName(_ node: YAMLNode?) -> String {
    let allowed = { (text: String) in
      text.first.map { $0.isLowercase || $0.isNumber } == true
        && text.allSatisfy { $0.isASCII && ($0.isLowercase || $0.isNumber || "-_".contains($0)) }
    }
    let expected = "a name of lower-case letters, digits, '-' and '_' that starts with a letter or digit"
    if let name = variables["COMPOSE_PROJECT_NAME"], !name.isEmpty {
      if allowed(name) { return name }
      problems.append(
        ConfigurationProblem(place: "COMPOSE_PROJECT_NAME", expected: expected, found: "'\(name)'"))
    } else if let node, !node.isNull {
      if let name = node.string, allowed(name) { return name }
      refuse(node, "name", expected: expected)
    }
    let folder = directory.split(separator: "/").last.map { $0.lowercased() } ?? ""
    let name = folder.filter { $0.isASCII && ($0.isLetter || $0.isNumber || "-_".contains($0)) }
    return String(name.drop { "-_".contains($0) })
  }
}
