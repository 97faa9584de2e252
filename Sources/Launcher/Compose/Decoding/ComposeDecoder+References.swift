// Selects active services and checks the references between services and volumes.

import Configuration

extension ComposeDecoder {
  /// Removes the services that have profiles but no active one.
  mutating func select(_ profiles: [String], _ model: inout Model, _ root: YAMLNode) {
    let known = Set(model.services.flatMap(\.profiles)).sorted()
    for name in profiles where name != "*" && !known.contains(name) {
      let nearest = Suggestion.nearest(to: name, among: known).map { "did you mean '\($0)'?" }
      let list = known.isEmpty ? "no service has profiles" : "there are \(known.joined(separator: ", "))"
      problems.append(
        ConfigurationProblem(
          place: "--profile", expected: "a profile of \(file)", found: "'\(name)'", advice: nearest ?? list))
    }
    let fromVariable = (variables["COMPOSE_PROFILES"] ?? "").split(separator: ",").map {
      String($0.filter { !$0.isWhitespace })
    }
    for name in fromVariable where name != "*" && !known.contains(name) {
      addNote("COMPOSE_PROFILES names the profile '\(name)', which no service has")
    }
    let active = Set(profiles + fromVariable)
    guard !active.contains("*") else { return }
    model.inactive = model.services.filter { !$0.profiles.isEmpty && active.isDisjoint(with: $0.profiles) }
      .map(\.name)
    let inactive = Set(model.inactive)
    model.services.removeAll { inactive.contains($0.name) }
    if model.services.isEmpty, problems.isEmpty {
      refuse(
        root, "services", expected: "at least one service without profiles or with an active one",
        found: "none", advice: "activate one of \(known.joined(separator: ", ")) by --profile")
    }
  }

  /// Refuses unknown and inactive services in `depends_on`, cycles, and undeclared volumes.
  mutating func checkReferences(_ model: Model, _ root: YAMLNode) {
    let names = Set(model.services.map(\.name))
    for service in model.services {
      let node = root["services"]?[service.name] ?? root
      let key = "services.\(service.name)"
      for dependency in service.dependencies where !names.contains(dependency.service) {
        check(dependency, node["depends_on"] ?? node, "\(key).depends_on", model, root)
      }
      for case .volume(let volume) in service.mounts.map(\.source) where !model.volumes.contains(volume) {
        refuse(
          node["volumes"] ?? node, "\(key).volumes", expected: "a volume declared under volumes:",
          found: "'\(volume)'", advice: "declare it at the end of the file")
      }
    }
    if let cycle = StartOrder.cycle(model.services) {
      let node = root["services"]?[cycle[0]] ?? root
      refuse(
        node["depends_on"] ?? node, "services.\(cycle[0]).depends_on",
        expected: "dependencies without a cycle",
        found: cycle.joined(separator: " → "))
    }
  }

  /// Refuses a dependency on a service that is not active, unless it is optional.
  private mutating func check(
    _ dependency: ComposeService.Dependency, _ node: YAMLNode, _ key: String, _ model: Model, _ root: YAMLNode
  ) {
    let name = dependency.service
    guard dependency.isRequired else {
      return addNote("\(key): '\(name)' is not active and not required, so the dependency is ignored")
    }
    if model.inactive.contains(name) {
      let profiles = (root["services"]?[name]?["profiles"]?.sequence ?? []).compactMap(\.string)
      return refuse(
        node, key, expected: "an active service", found: "'\(name)', which belongs to other profiles",
        advice: "activate one of \(profiles.joined(separator: ", ")) by --profile, or add required: false")
    }
    guard root["services"]?[name] == nil else { return }
    let nearest = Suggestion.nearest(to: name, among: model.services.map(\.name))
    refuse(
      node, key, expected: "a service of this file", found: "'\(name)'",
      advice: nearest.map { "did you mean '\($0)'?" } ?? "")
  }
}
