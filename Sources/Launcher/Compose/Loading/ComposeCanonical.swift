// Rewrites short forms as long ones, and relative paths as absolute ones.

import Configuration

/// Rewrites the services of one file in one form, for merging and decoding.
///
/// `environment` becomes a mapping, `depends_on` a mapping of mappings, `env_file` and `volumes`
/// lists of mappings. Malformed values are refused and left out.
struct ComposeCanonical {
  /// The folder to which relative paths are relative.
  let directory: String
  let variables: [String: String]
  private(set) var problems: [ConfigurationProblem] = []

  init(directory: String, variables: [String: String]) {
    self.directory = directory
    self.variables = variables
  }

  /// A whole file.
  mutating func apply(to root: YAMLNode) -> YAMLNode {
    guard let pairs = root.mapping else { return root }
    var result = pairs
    for (index, pair) in pairs.enumerated() where pair.key == "services" {
      guard var services = pair.value.mapping else { continue }
      for index in services.indices {
        services[index].value = service(services[index].value, "services.\(services[index].key)")
      }
      result[index].value.content = .mapping(services)
    }
    return YAMLNode(.mapping(result), at: root.place)
  }

  private mutating func service(_ node: YAMLNode, _ key: String) -> YAMLNode {
    guard let pairs = node.mapping else { return node }
    var result: [YAMLPair] = []
    for var pair in pairs {
      let key = "\(key).\(pair.key)"
      let long: YAMLNode? =
        switch pair.key {
        case "environment": environment(pair.value, key)
        case "depends_on": dependencies(pair.value, key)
        case "env_file": files(pair.value, key)
        case "volumes": volumes(pair.value, key)
        default: pair.value
        }
      guard let long else { continue }
      pair.value = long
      result.append(pair)
    }
    return YAMLNode(.mapping(result), at: node.place)
  }

  private mutating func environment(_ node: YAMLNode, _ key: String) -> YAMLNode? {
    if node.isNull { return node }
    var pairs: [YAMLPair] = []
    if let entries = node.sequence {
      for entry in entries {
        guard let text = entry.string, let name = text.split(separator: "=").first, !text.hasPrefix("=")
        else {
          refuse(entry, key, expected: "NAME=value")
          continue
        }
        let value = text.firstIndex(of: "=").map { String(text[text.index(after: $0)...]) }
        pairs.append(
          YAMLPair(
            key: String(name), keyPlace: entry.place,
            value: YAMLNode(.scalar(value ?? "", plain: value == nil), at: entry.place)))
      }
    } else if let mapping = node.mapping {
      pairs = mapping
    } else {
      return refuse(node, key, expected: "a mapping or a list of NAME=value")
    }
    for (index, pair) in pairs.enumerated() where pair.value.isNull {
      guard let value = variables[pair.key] else { continue }
      pairs[index].value.content = .scalar(value, plain: false)
    }
    return YAMLNode(.mapping(pairs), at: node.place)
  }

  private mutating func dependencies(_ node: YAMLNode, _ key: String) -> YAMLNode? {
    guard let entries = node.sequence else { return node }
    let names = entries.compactMap(\.string)
    guard names.count == entries.count else { return refuse(node, key, expected: "a list of services") }
    let pairs = zip(names, entries).map { name, entry in
      YAMLPair(
        key: name, keyPlace: entry.place,
        value: mapping([("condition", text("service_started", entry))], entry))
    }
    return YAMLNode(.mapping(pairs), at: node.place)
  }

  private mutating func files(_ node: YAMLNode, _ key: String) -> YAMLNode? {
    if node.isNull { return node }
    let entries = node.sequence ?? [node]
    var result: [YAMLNode] = []
    for entry in entries {
      var pairs = entry.mapping ?? []
      if let path = entry.string, !path.isEmpty { pairs = [pair("path", text(path, entry))] }
      guard let index = pairs.firstIndex(where: { $0.key == "path" }),
        let path = pairs[index].value.string, !path.isEmpty
      else {
        refuse(entry, key, expected: "a path, or a mapping with path and required")
        continue
      }
      pairs[index].value = text(absolute(path), pairs[index].value)
      result.append(YAMLNode(.mapping(pairs), at: entry.place))
    }
    return YAMLNode(.sequence(result), at: node.place)
  }

  private mutating func volumes(_ node: YAMLNode, _ key: String) -> YAMLNode? {
    if node.isNull { return node }
    guard let entries = node.sequence else { return refuse(node, key, expected: "a list of SOURCE:/path") }
    var result: [YAMLNode] = []
    for entry in entries {
      if let pairs = entry.mapping {
        result.append(YAMLNode(.mapping(resolved(pairs)), at: entry.place))
      } else if let long = volume(entry, key) {
        result.append(long)
      }
    }
    return YAMLNode(.sequence(ComposeMerge.lastOfEach(result, by: "target")), at: node.place)
  }

  /// The source of a bind mount in long form.
  private func resolved(_ pairs: [YAMLPair]) -> [YAMLPair] {
    var pairs = pairs
    guard pairs.contains(where: { $0.key == "type" && $0.value.string == "bind" }) else { return pairs }
    for (index, pair) in pairs.enumerated() where pair.key == "source" {
      guard let path = pair.value.string, !path.isEmpty else { continue }
      pairs[index].value = text(absolute(path), pair.value)
    }
    return pairs
  }

  /// `SOURCE:TARGET[:OPTIONS]`.
  private mutating func volume(_ entry: YAMLNode, _ key: String) -> YAMLNode? {
    let parts = (entry.string ?? "").split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    guard (2...3).contains(parts.count), !parts[0].isEmpty, parts[1].hasPrefix("/"), parts[1].count > 1 else {
      let advice =
        parts.count == 1 && parts[0].hasPrefix("/") ? "give the volume a name, NAME:\(parts[0])" : ""
      return refuse(
        entry, key,
        expected:
          "a volume or a path of this machine, and a path of the service: NAME:/path or ./folder:/path",
        advice: advice)
    }
    let isPath = [".", "/", "~"].contains { parts[0].hasPrefix($0) }
    guard isPath || parts[0].count > 1 else {
      return refuse(
        entry, key,
        expected: "a name of two letters or more, as Docker Compose reads a single letter as a drive",
        found: "'\(parts[0])'")
    }
    let source = isPath ? absolute(parts[0]) : parts[0]
    var fields = [
      ("type", text(isPath ? "bind" : "volume", entry)), ("source", text(source, entry)),
      ("target", text(parts[1], entry)),
    ]
    for option in parts.count == 3 ? parts[2].split(separator: ",") : [] {
      switch option {
      case "ro": fields.append(("read_only", YAMLNode(.scalar("true", plain: true), at: entry.place)))
      case "rw", "z", "Z", "nocopy", "cached", "delegated", "consistent": break
      default: return refuse(entry, key, expected: "ro or rw after the second colon", found: "'\(option)'")
      }
    }
    return mapping(fields, entry)
  }

  private func absolute(_ path: String) -> String {
    ComposePath.absolute(path, from: directory, home: variables["HOME"])
  }

  private func text(_ text: String, _ node: YAMLNode) -> YAMLNode {
    YAMLNode(.scalar(text, plain: false), at: node.place)
  }

  private func pair(_ key: String, _ value: YAMLNode) -> YAMLPair {
    YAMLPair(key: key, keyPlace: value.place, value: value)
  }

  private func mapping(_ pairs: [(String, YAMLNode)], _ node: YAMLNode) -> YAMLNode {
    YAMLNode(.mapping(pairs.map { pair($0.0, $0.1) }), at: node.place)
  }

  @discardableResult private mutating func refuse(
    _ node: YAMLNode, _ key: String, expected: String, found: String? = nil, advice: String = ""
  ) -> YAMLNode? {
    problems.append(
      ConfigurationProblem(
        place: node.place.description, key: key, expected: expected, found: found ?? node.found,
        advice: advice))
    return nil
  }
}
