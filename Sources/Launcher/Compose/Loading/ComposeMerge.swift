// Merges compose trees.

import Configuration

/// Merges trees whose services are in long form (`ComposeCanonical`), by the chapter "Merge" of the
/// Compose Specification: mappings key by key, lists by appending, other values by replacement.
/// Commands and tests are replaced whole; a volume replaces the one with the same target.
struct ComposeMerge {
  private(set) var problems: [ConfigurationProblem] = []
  private var weight = 0

  /// Most pairs and entries that merging may produce; chains of `extends` could otherwise grow
  /// without bound.
  private static let weightMax = 200_000
  private static let replaced = ["command", "entrypoint", "healthcheck.test"]
  /// Lists without duplicates, and the key that tells their entries apart; empty: the whole entry.
  private static let unique = [
    "volumes": "target", "env_file": "path", "profiles": "", "ports": "", "expose": "",
  ]

  /// Merges two whole files.
  mutating func files(_ base: YAMLNode, _ override: YAMLNode) -> YAMLNode {
    merge(base, override, key: "") { merge, base, override, section in
      guard section == "services" else { return merge.nodes(base, override, section) }
      return merge.merge(base, override, key: section) { merge, base, override, name in
        merge.service(base, override, name)
      }
    }
  }

  /// Merges two descriptions of a service.
  mutating func service(_ base: YAMLNode, _ override: YAMLNode, _ name: String) -> YAMLNode {
    nodes(base, override, "services.\(name)", path: "")
  }

  /// - Parameter path: the keys below the service, joined by dots; nil outside of services.
  private mutating func nodes(
    _ base: YAMLNode, _ override: YAMLNode, _ key: String, path: String? = nil
  ) -> YAMLNode {
    if let path, Self.replaced.contains(path) { return override }
    let isVariables = path == "environment"
    switch (base.content, override.content) {
    case _ where override.isNull: return base
    case (.mapping, .mapping):
      return merge(base, override, key: key) { merge, base, override, name in
        // A variable without a value replaces one with a value.
        if isVariables || name.hasPrefix("x-") { return override }
        let inner = path.map { $0.isEmpty ? name : "\($0).\(name)" }
        return merge.nodes(base, override, "\(key).\(name)", path: inner)
      }
    case (.sequence(let first), .sequence(let second)):
      guard weigh(first.count + second.count, override, key) else { return override }
      let entries = first + second
      let index = path.flatMap { Self.unique[$0] }
      return YAMLNode(.sequence(index.map { Self.lastOfEach(entries, by: $0) } ?? entries), at: base.place)
    case (.mapping, _), (.sequence, _):
      if base.isEmpty { return override }
      problems.append(
        ConfigurationProblem(
          place: override.place.description, key: key,
          expected: "\(base.found), as at \(base.place), to merge with",
          found: override.found))
      return base
    case (.scalar, _): return override
    }
  }

  private mutating func merge(
    _ base: YAMLNode, _ override: YAMLNode, key: String,
    _ combine: (inout ComposeMerge, YAMLNode, YAMLNode, String) -> YAMLNode
  ) -> YAMLNode {
    guard var pairs = base.mapping, let others = override.mapping else {
      return base.isNull ? override : base
    }
    guard weigh(pairs.count + others.count, override, key) else { return override }
    let indices = Dictionary(
      pairs.enumerated().map { ($1.key, $0) }, uniquingKeysWith: { first, _ in first })
    for pair in others {
      if let index = indices[pair.key] {
        pairs[index].value = combine(&self, pairs[index].value, pair.value, pair.key)
      } else {
        pairs.append(pair)
      }
    }
    return YAMLNode(.mapping(pairs), at: base.place)
  }

  /// The last entry of each name, at the position of the first.
  static func lastOfEach(_ entries: [YAMLNode], by key: String) -> [YAMLNode] {
    var result: [YAMLNode] = []
    var indices: [String: Int] = [:]
    for entry in entries {
      guard let name = key.isEmpty ? entry.string : entry[key]?.string else {
        result.append(entry)
        continue
      }
      if let index = indices[name] {
        result[index] = entry
      } else {
        indices[name] = result.count
        result.append(entry)
      }
    }
    return result
  }

  private mutating func weigh(_ more: Int, _ node: YAMLNode, _ key: String) -> Bool {
    let isWithin = weight <= Self.weightMax
    weight += more
    if isWithin, weight > Self.weightMax {
      problems.append(
        ConfigurationProblem(
          place: node.place.description, key: key, expected: "at most \(Self.weightMax) merged values",
          found: "more",
          advice: "extend smaller services"))
    }
    return weight <= Self.weightMax
  }
}

extension YAMLNode {
  /// Whether it is null, or a list or mapping without entries.
  var isEmpty: Bool { isNull || sequence?.isEmpty == true || mapping?.isEmpty == true }

  /// Whether two trees have the same contents; places do not count.
  func saysSame(as other: YAMLNode) -> Bool {
    switch (content, other.content) {
    case (.scalar, .scalar): return content == other.content
    case (.sequence(let left), .sequence(let right)):
      return left.count == right.count && zip(left, right).allSatisfy { $0.saysSame(as: $1) }
    case (.mapping(let left), .mapping(let right)):
      guard left.count == right.count else { return false }
      let values = Dictionary(right.map { ($0.key, $0.value) }, uniquingKeysWith: { first, _ in first })
      return left.allSatisfy { pair in values[pair.key].map { pair.value.saysSame(as: $0) } ?? false }
    default: return false
    }
  }
}
