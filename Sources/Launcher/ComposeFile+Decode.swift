// A compose file's tree to services.

public import Configuration

extension ComposeFile {
  /// Reads a file.
  ///
  /// - Parameter variables: what `${NAME}` and environment entries without a value refer to.
  /// - Throws: `ConfigurationError` with every problem.
  public init(contentsOf file: String, variables: [String: String]) throws(ConfigurationError) {
    try self.init(document: YAMLDocument(contentsOf: file), file: file, variables: variables)
  }

  /// The same for a text; `file` names it in messages.
  public init(text: String, file: String, variables: [String: String]) throws(ConfigurationError) {
    try self.init(document: YAMLDocument(text, file: file), file: file, variables: variables)
  }

  private init(
    document: YAMLDocument, file: String, variables: [String: String]
  ) throws(ConfigurationError) {
    var interpolation = ComposeInterpolation(variables: variables)
    let root = interpolation.apply(to: document.root)
    var decoder = ComposeDecoder(variables: variables, problems: interpolation.problems)
    for name in interpolation.unset { decoder.note("\(name) is not set; it is taken as empty") }
    let (services, volumes) = decoder.decode(root)
    guard decoder.problems.isEmpty else { throw ConfigurationError(decoder.problems) }
    self.init(file: file, services: services, volumes: volumes, notes: decoder.notes)
  }
}

/// Collects services, notes and problems.
struct ComposeDecoder {
  let variables: [String: String]
  var problems: [ConfigurationProblem]
  private(set) var notes: [String] = []

  /// Most replicas of a service.
  static let replicasMax = 10_000
  /// Most services, so that searches over them stay small.
  static let servicesMax = 1000

  init(variables: [String: String], problems: [ConfigurationProblem]) {
    self.variables = variables
    self.problems = problems
  }

  mutating func note(_ text: String) {
    if !notes.contains(text) { notes.append(text) }
  }

  mutating func refuse(
    _ node: YAMLNode, _ key: String, expected: String, found: String? = nil, advice: String = ""
  ) {
    problems.append(
      ConfigurationProblem(
        place: node.place.description, key: key, expected: expected, found: found ?? node.found,
        advice: advice))
  }

  /// The pairs of a mapping whose keys are all in `known`; other keys are refused, `ignored` ones noted.
  mutating func pairs(
    _ node: YAMLNode, _ key: String, known: [String], ignored: [String] = []
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
        note("'\(pair.key)' has no meaning for local processes and is ignored")
        return false
      }
      let nearest = Suggestion.nearest(to: pair.key, among: known).map { "did you mean '\($0)'?" }
      problems.append(
        ConfigurationProblem(
          place: pair.keyPlace.description, key: key, expected: "a key that the launcher honours",
          found: "'\(pair.key)'", advice: nearest ?? "it honours \(known.joined(separator: ", "))"))
      return false
    }
  }

  mutating func decode(_ root: YAMLNode) -> ([ComposeService], [String]) {
    var services: [ComposeService] = []
    var volumes: [String] = []
    let ignored = ["version", "networks"]
    for pair in pairs(root, "", known: ["name", "services", "volumes"], ignored: ignored) {
      switch pair.key {
      case "services": services = decodeServices(pair.value)
      case "volumes": volumes = decodeVolumes(pair.value)
      default: break
      }
    }
    if services.isEmpty, problems.isEmpty { refuse(root, "services", expected: "at least one service") }
    checkReferences(services, volumes, root)
    return (services, volumes)
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

  private mutating func decodeVolumes(_ node: YAMLNode) -> [String] {
    if node.isNull { return [] }
    guard let pairs = node.mapping else {
      refuse(node, "volumes", expected: "a mapping of volumes")
      return []
    }
    for pair in pairs where !pair.value.isNull && pair.value.mapping?.isEmpty != true {
      refuse(
        pair.value, "volumes.\(pair.key)", expected: "nothing, as local volumes are folders without options")
    }
    return pairs.map(\.key)
  }

  static func isServiceName(_ name: String) -> Bool {
    guard let first = name.first, first.isASCII, first.isLetter || first.isNumber, name.count <= 63 else {
      return false
    }
    return name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0)) }
  }

  /// Unknown services in depends_on, cycles, and volumes that are not declared.
  private mutating func checkReferences(
    _ services: [ComposeService], _ volumes: [String], _ root: YAMLNode
  ) {
    let names = services.map(\.name)
    for service in services {
      let node = root["services"]?[service.name] ?? root
      let key = "services.\(service.name)"
      for dependency in service.dependencies where !names.contains(dependency.service) {
        guard root["services"]?[dependency.service] == nil else { continue }
        let nearest = Suggestion.nearest(to: dependency.service, among: names)
        refuse(
          node["depends_on"] ?? node, "\(key).depends_on", expected: "a service of this file",
          found: "'\(dependency.service)'", advice: nearest.map { "did you mean '\($0)'?" } ?? "")
      }
      for mount in service.mounts where !volumes.contains(mount.volume) {
        refuse(
          node["volumes"] ?? node, "\(key).volumes", expected: "a volume declared under volumes:",
          found: "'\(mount.volume)'", advice: "declare it at the end of the file")
      }
    }
    if let cycle = StartOrder.cycle(services) {
      let node = root["services"]?[cycle[0]] ?? root
      refuse(
        node["depends_on"] ?? node, "services.\(cycle[0]).depends_on", expected: "an order without a circle",
        found: cycle.joined(separator: " → "))
    }
  }
}
