// A section whose keys the user chooses.

extension ConfigurationReader {
  /// Reads every key below `key` as a keyword argument: a scalar, or lists and mappings of scalars.
  mutating func arguments(_ key: String, _ target: inout [EnvironmentArgument]) {
    let known = Dictionary(target.map { ($0.name, $0.value) }) { $1 }
    let names = Set(known.keys).union(keys(below: key)).sorted()
    target = []
    section(key) { reader in
      for name in names {
        guard Self.isKeyword(name) else {
          reader.refuseKeyword(name)
          continue
        }
        var value = known[name] ?? "null"
        reader.value(
          name, &value, expected: "null, true, false, a number, a string, or a list of them", render: { $0 },
          parse: \.json)
        target.append(EnvironmentArgument(name: name, value: value))
      }
    }
  }
}

extension ConfigurationReader {
  /// Whether it consists of ASCII identifiers of Python with dots between them.
  private static func isKeyword(_ name: String) -> Bool {
    name.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { part in
      part.first.map { !$0.isNumber } == true
        && part.utf8.allSatisfy { byte in
          switch byte {
          case 0x30...0x39, 0x41...0x5A, 0x5F, 0x61...0x7A: true
          default: false
          }
        }
    }
  }

  /// Refuses the name as a wrong value, so that it is not reported as an unknown key too.
  private mutating func refuseKeyword(_ name: String) {
    var none = ""
    value(
      name, &none, expected: "the name of a keyword argument", render: { YAMLText.string($0) },
      parse: { _ in nil },
      advice: { _ in "letters, digits and '_'" })
  }
}

extension YAMLNode {
  /// The value as JSON, which is YAML of the same value; nil for a number that JSON cannot write.
  var json: String? {
    switch content {
    case .scalar(let text, _):
      if isNull { return "null" }
      if let bool { return "\(bool)" }
      if let integer = integer(Int.self) { return "\(integer)" }
      if let double { return YAMLText.number(double) }
      return YAMLText.quoted(text)
    case .sequence(let nodes):
      let parts = nodes.compactMap(\.json)
      return parts.count == nodes.count ? "[" + parts.joined(separator: ", ") + "]" : nil
    case .mapping(let pairs):
      let parts = pairs.compactMap { pair in
        pair.value.json.map { "\(YAMLText.quoted(pair.key)): \($0)" }
      }
      return parts.count == pairs.count ? "{" + parts.joined(separator: ", ") + "}" : nil
    }
  }
}
