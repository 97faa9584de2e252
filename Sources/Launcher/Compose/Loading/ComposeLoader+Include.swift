// Compose models that include others.

import Configuration

extension ComposeLoader {
  /// A file with the models that it includes. An included model has its own folder and variables.
  /// An included model must not describe a service or volume differently than the file itself.
  mutating func include(into root: YAMLNode, context: Context, including: [String]) -> YAMLNode {
    guard let include = root["include"], let pairs = root.mapping else { return root }
    var result = YAMLNode(.mapping(pairs.filter { $0.key != "include" }), at: root.place)
    if include.isNull { return result }
    guard let entries = include.sequence else {
      refuse(include, "include", expected: "a list of files")
      return result
    }
    for entry in entries {
      guard let part = part(entry, context, including: including) else { continue }
      result = add(part, to: result, entry)
    }
    return result
  }

  private mutating func part(_ entry: YAMLNode, _ context: Context, including: [String]) -> YAMLNode? {
    let known = ["path", "project_directory", "env_file"]
    if let unknown = entry.mapping?.first(where: { !known.contains($0.key) }) {
      refuse(
        entry, "include", expected: known.joined(separator: ", "), found: "the key '\(unknown.key)'")
      return nil
    }
    guard let files = paths(entry.mapping == nil ? entry : entry["path"], entry, "include", context),
      let first = files.first
    else { return nil }
    for file in files where !ComposePath.exists(file) {
      refuse(
        entry, "include", expected: "a compose file that exists", found: file,
        advice: "the path is taken from \(context.directory)")
      return nil
    }
    if let start = including.firstIndex(of: first) {
      refuse(
        entry, "include", expected: "files that do not include each other in a cycle",
        found: (including[start...] + [first]).joined(separator: " → "))
      return nil
    }
    var directory = ComposePath.folder(of: first)
    if let node = entry["project_directory"], !node.isNull {
      guard let path = paths(node, entry, "include.project_directory", context)?.first else { return nil }
      directory = path
    }
    var environmentFiles = [directory + "/.env"].filter(ComposePath.exists)
    if let node = entry["env_file"], !node.isNull {
      guard let paths = paths(node, entry, "include.env_file", context) else { return nil }
      environmentFiles = paths
    }
    let variables = variables(context.variables, over: environmentFiles)
    return model(files, Context(directory: directory, variables: variables), including: including)
  }

  /// One path or a list of them, absolute.
  private mutating func paths(
    _ node: YAMLNode?, _ entry: YAMLNode, _ key: String, _ context: Context
  ) -> [String]? {
    let nodes = node?.sequence ?? node.map { [$0] } ?? []
    let paths = nodes.compactMap(\.string).filter { !$0.isEmpty }
    guard !paths.isEmpty, paths.count == nodes.count else {
      refuse(node ?? entry, key, expected: "a path, or a list of paths")
      return nil
    }
    return paths.map { ComposePath.absolute($0, from: context.directory, home: context.variables["HOME"]) }
  }

  /// Adds the sections of an included model to those of the file.
  private mutating func add(_ part: YAMLNode, to root: YAMLNode, _ entry: YAMLNode) -> YAMLNode {
    var sections = root.mapping ?? []
    for section in part.mapping ?? [] {
      if ["name", "version"].contains(section.key) || section.key.hasPrefix("x-") { continue }
      guard let index = sections.firstIndex(where: { $0.key == section.key }), !sections[index].value.isNull
      else {
        sections.removeAll { $0.key == section.key }
        sections.append(section)
        continue
      }
      var own = sections[index].value.mapping ?? []
      let known = Dictionary(own.map { ($0.key, $0.value) }, uniquingKeysWith: { first, _ in first })
      for pair in section.value.mapping ?? [] {
        guard let other = known[pair.key] else {
          own.append(pair)
          continue
        }
        guard !other.saysSame(as: pair.value) else { continue }
        refuse(
          entry, "\(section.key).\(pair.key)",
          expected: "the same description as at \(other.place)",
          found: "a different one at \(pair.value.place)",
          advice: "rename one, or override it in a further -f file")
      }
      sections[index].value.content = .mapping(own)
    }
    return YAMLNode(.mapping(sections), at: root.place)
  }
}
