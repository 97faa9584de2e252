// A mapping under construction.

/// Collects the pairs of a mapping, refuses duplicate keys, and merges `<<`
/// (https://yaml.org/type/merge.html). Keys written out win over merged ones, and earlier merged
/// ones over later ones.
struct YAMLMapping {
  private var explicit: [YAMLPair] = []
  private var merged: [YAMLPair] = []
  private var indices: [String: Int] = [:]
  private var mergedKeys: Set<String> = []

  /// The pairs written out, in their order, then the merged ones.
  var pairs: [YAMLPair] {
    explicit + merged.filter { indices[$0.key] == nil }
  }

  mutating func add(key: YAMLNode, at place: SourcePlace, value: YAMLNode) throws(ConfigurationError) {
    guard case .scalar(let name, let plain) = key.content else {
      throw YAMLComposer.problem(place, expected: "a name as key", found: key.found)
    }
    if name == "<<", plain { return try merge(value) }
    if let index = indices[name] {
      throw YAMLComposer.problem(
        place, expected: "each key once", found: "'\(name)' again",
        advice: "remove one; the first is at line \(explicit[index].keyPlace.line)")
    }
    indices[name] = explicit.count
    explicit.append(YAMLPair(key: name, keyPlace: place, value: value))
  }

  private mutating func merge(_ value: YAMLNode) throws(ConfigurationError) {
    switch value.content {
    case .mapping(let pairs):
      for pair in pairs where mergedKeys.insert(pair.key).inserted { merged.append(pair) }
    case .sequence(let nodes):
      for node in nodes {
        guard case .mapping = node.content else {
          throw YAMLComposer.problem(
            node.place, expected: "mappings to merge by <<", found: node.found)
        }
        try merge(node)
      }
    case .scalar:
      throw YAMLComposer.problem(
        value.place, expected: "a mapping, or a list of mappings, to merge by <<", found: value.found,
        advice: "refer to an anchor, as <<: *common")
    }
  }
}
