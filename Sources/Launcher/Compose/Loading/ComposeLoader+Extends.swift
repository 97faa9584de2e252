// Services that extend other services.

import Configuration

extension ComposeLoader {
  /// Longest chain of services that extend each other.
  private static let depthMax = 64

  /// A file with every `extends` resolved.
  mutating func extend(_ source: Source) -> YAMLNode {
    guard var pairs = source.root.mapping,
      let index = pairs.firstIndex(where: { $0.key == "services" }),
      var services = pairs[index].value.mapping, services.count <= ComposeDecoder.servicesMax
    else { return source.root }
    for index in services.indices where services[index].value["extends"] != nil {
      services[index].value =
        service(services[index].key, of: source, chain: []).node ?? services[index].value
    }
    pairs[index].value.content = .mapping(services)
    return YAMLNode(.mapping(pairs), at: source.root.place)
  }

  /// - Parameter chain: the services that led here, to detect cycles.
  private mutating func service(_ name: String, of source: Source, chain: [String]) -> Extended {
    guard let node = source.services[name] else { return Extended() }
    guard let extends = node["extends"] else { return Extended(node: node) }
    let step = "\(name) (\(source.file))"
    if let known = extended[step] { return known }
    let result = service(node, extends, name, of: source, chain: chain, step: step)
    extended[step] = result
    return result
  }

  private mutating func service(
    _ node: YAMLNode, _ extends: YAMLNode, _ name: String, of source: Source, chain: [String], step: String
  ) -> Extended {
    let key = "services.\(name).extends"
    if let start = chain.firstIndex(of: step) {
      refuse(
        extends, key, expected: "services that do not extend each other in a cycle",
        found: (chain[start...] + [step]).joined(separator: " → "))
      return Extended()
    }
    guard let reference = reference(extends, key),
      let (target, targetSource) = base(reference, extends, of: source, key)
    else { return Extended() }
    // A longer chain is not followed, so that recursion is bounded.
    let base =
      chain.count < Self.depthMax
      ? service(target, of: targetSource, chain: chain + [step]) : Extended(depth: Self.depthMax)
    guard base.depth < Self.depthMax else {
      refuse(
        extends, key, expected: "a chain of at most \(Self.depthMax) services that extend each other",
        found: "more")
      return Extended()
    }
    guard let baseNode = base.node else { return Extended() }
    let own = node.mapping?.filter { $0.key != "extends" } ?? []
    return Extended(
      node: merge.service(baseNode, YAMLNode(.mapping(own), at: node.place), name), depth: base.depth + 1)
  }

  /// The service and the file that `extends` names.
  private mutating func reference(
    _ node: YAMLNode, _ key: String
  ) -> (service: String, file: String?)? {
    if let name = node.string, !name.isEmpty { return (name, nil) }
    let unknown = node.mapping?.first { !["service", "file"].contains($0.key) }
    guard unknown == nil, let name = node["service"]?.string, !name.isEmpty else {
      refuse(
        node, key, expected: "a service, or a mapping with service and file",
        found: unknown.map { "the key '\($0.key)'" })
      return nil
    }
    guard let file = node["file"], !file.isNull else { return (name, nil) }
    guard let path = file.string, !path.isEmpty else {
      refuse(file, "\(key).file", expected: "a path")
      return nil
    }
    return (name, path)
  }

  /// The source in which the extended service is.
  private mutating func base(
    _ reference: (service: String, file: String?), _ node: YAMLNode, of source: Source, _ key: String
  ) -> (String, Source)? {
    var target = source
    if let file = reference.file {
      let path = ComposePath.absolute(file, from: source.context.directory)
      if let known = extendedFiles[path] {
        target = known
      } else {
        guard ComposePath.exists(path) else {
          refuse(
            node["file"] ?? node, "\(key).file", expected: "a compose file that exists", found: path,
            advice: "the path is taken from \(source.context.directory)")
          return nil
        }
        let context = Context(directory: ComposePath.folder(of: path), variables: source.context.variables)
        guard let read = read(path, context) else { return nil }
        extendedFiles[path] = read
        target = read
      }
    }
    guard target.services[reference.service] != nil else {
      let names = target.root["services"]?.mapping?.map(\.key) ?? []
      let nearest = Suggestion.nearest(to: reference.service, among: names).map { "did you mean '\($0)'?" }
      refuse(
        node["service"] ?? node, key, expected: "a service of \(target.file)",
        found: "'\(reference.service)'",
        advice: nearest ?? "its services are \(names.prefix(20).joined(separator: ", "))")
      return nil
    }
    return (reference.service, target)
  }
}
