// Volumes: named volumes are folders of the run, the others are paths of this machine.

import Configuration

extension ComposeDecoder {
  /// The names under the file's `volumes`.
  mutating func decodeVolumes(_ node: YAMLNode) -> [String] {
    if node.isNull { return [] }
    guard let pairs = node.mapping else {
      refuse(node, "volumes", expected: "a mapping of volumes")
      return []
    }
    for pair in pairs where !pair.value.isNull {
      let key = "volumes.\(pair.key)"
      if !Self.isServiceName(pair.key) {
        refuse(pair.value, key, expected: "a name of letters, digits, '.', '_' and '-'")
      }
      for option in pair.value.mapping ?? [] {
        let isDefault =
          option.key == "labels" || option.key.hasPrefix("x-")
          || option.key == "driver" && option.value.string == "local"
          || option.key == "external" && Self.bool(option.value) == false
        if option.key == "name" {
          addNote(
            "names of volumes have no meaning for local processes, whose volumes are folders of the run")
        }
        if isDefault || option.key == "name" { continue }
        refuse(
          option.value, key, expected: "nothing, as local volumes are folders without options",
          found: "'\(option.key)'")
      }
      if pair.value.mapping == nil {
        refuse(pair.value, key, expected: "nothing, as local volumes are folders without options")
      }
    }
    return pairs.map(\.key)
  }

  /// A service's `volumes` in long form.
  mutating func mounts(_ node: YAMLNode, _ key: String) -> [ComposeService.Mount] {
    (node.sequence ?? []).compactMap { mount($0, key) }
  }

  private mutating func mount(_ node: YAMLNode, _ key: String) -> ComposeService.Mount? {
    let known = ["type", "source", "target", "read_only", "volume", "bind", "consistency"]
    let pairs = pairs(node, key, known: known)
    let source = node["source"]?.string ?? ""
    let target = node["target"]?.string ?? ""
    guard target.hasPrefix("/"), target.count > 1 else {
      refuse(node["target"] ?? node, "\(key).target", expected: "an absolute path below /")
      return nil
    }
    for pair in pairs {
      switch pair.key {
      case "read_only":
        if Self.bool(pair.value) == nil { refuse(pair.value, "\(key).read_only", expected: "true or false") }
        if Self.bool(pair.value) == true { addNote("read-only volumes are not enforced for local processes") }
      case "volume": _ = self.pairs(pair.value, "\(key).volume", known: [], ignored: ["nocopy"])
      case "bind":
        let options = self.pairs(
          pair.value, "\(key).bind", known: ["create_host_path"], ignored: ["selinux", "propagation"])
        for option in options where Self.bool(option.value) != true {
          refuse(
            option.value, "\(key).bind.create_host_path", expected: "true",
            advice: "missing folders are always made")
        }
      default: break
      }
    }
    switch node["type"]?.string {
    case "volume" where Self.isServiceName(source):
      return ComposeService.Mount(volume: source, target: target)
    case "bind" where source.hasPrefix("/"):
      return ComposeService.Mount(folder: source, target: target)
    case "volume", "bind":
      refuse(
        node["source"] ?? node, "\(key).source", expected: "a volume's name, or a path for type: bind",
        found: source.isEmpty ? "none" : "'\(source)'")
    default: refuse(node["type"] ?? node, "\(key).type", expected: "volume or bind")
    }
    return nil
  }
}
