// The variables of a service: `environment` over `env_file`.

import Configuration

extension ComposeDecoder {
  mutating func environment(_ service: YAMLNode, _ key: String) -> [String: String] {
    var result: [String: String] = [:]
    for entry in service["env_file"]?.sequence ?? [] { read(entry, "\(key).env_file", into: &result) }
    guard let node = service["environment"], let pairs = node.mapping else { return result }
    for pair in pairs {
      let key = "\(key).environment.\(pair.key)"
      if pair.value.string == nil && !pair.value.isNull || pair.value.bool != nil {
        refuse(
          pair.value, key, expected: "a string, a number or nothing",
          advice: pair.value.bool == nil ? "" : "put it in quotes")
      } else {
        // A variable without a value here and in `variables` is not passed on.
        result[pair.key] = pair.value.string ?? variables[pair.key]
      }
    }
    return result
  }

  private mutating func read(_ entry: YAMLNode, _ key: String, into result: inout [String: String]) {
    var isRequired = true
    for pair in pairs(entry, key, known: ["path", "required", "format"]) {
      switch pair.key {
      case "required":
        guard let value = Self.bool(pair.value) else {
          refuse(pair.value, "\(key).required", expected: "true or false")
          continue
        }
        isRequired = value
      case "format":
        refuse(pair.value, "\(key).format", expected: "no format, as only the default one is supported")
      default: break
      }
    }
    guard let path = entry["path"]?.string else { return }
    guard ComposePath.exists(path), !ComposePath.isFolder(path) else {
      if isRequired {
        refuse(
          entry["path"] ?? entry, key, expected: "a file of variables", found: "no file \(path)",
          advice: "make it, or write {path: …, required: false}")
      }
      return
    }
    let file = ComposeEnvironmentFile(
      contentsOf: path, outside: variables.merging(result) { _, earlier in earlier })
    problems += file.problems
    for name in file.unset { addUnsetNote(name) }
    result.merge(file.values) { _, later in later }
  }
}
