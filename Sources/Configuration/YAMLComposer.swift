// Builds a tree from YAML events.

/// Builds the tree of one document within the bounds of `YAMLDocument`.
struct YAMLComposer: ~Copyable {
  /// A finished node with its size, so that an alias counts as much as the node it stands for.
  private struct Composed {
    var node: YAMLNode
    var nodes = 1
    var height = 1
  }

  private var events: YAMLEvents
  private var anchors: [String: Composed] = [:]
  private var nodes = 0

  init(events: consuming YAMLEvents) {
    self.events = events
  }

  mutating func document() throws(ConfigurationError) -> YAMLNode {
    _ = try events.next()  // the stream's start
    let (first, start) = try events.next()
    guard case .documentStart = first else {
      return YAMLNode(.scalar("", plain: true), at: SourcePlace(file: events.file, line: 1, column: 1))
    }
    let (event, place) = try events.next()
    let root = try compose(event, place, depth: 1)
    _ = try events.next()  // the document's end
    let (last, second) = try events.next()
    guard case .streamEnd = last else {
      throw Self.problem(
        second, expected: "one YAML document", found: "a second one",
        advice: "put it into a file of its own (the first starts at line \(start.line))")
    }
    return root.node
  }

  private mutating func compose(
    _ event: YAMLEvent, _ place: SourcePlace, depth: Int
  ) throws(ConfigurationError) -> Composed {
    try count(1, height: 1, depth: depth, place)
    var composed: Composed
    let anchor: String?
    switch event {
    case .alias(let name):
      guard let target = anchors[name] else {
        throw Self.problem(
          place, expected: "the name of an anchor whose value is complete before this line",
          found: "*\(name)",
          advice: "define it first, as &\(name)")
      }
      try count(target.nodes - 1, height: target.height, depth: depth, place)
      return target
    case .scalar(let text, let plain, let name, let tag):
      try Self.checkTag(tag, place)
      composed = Composed(node: YAMLNode(.scalar(text, plain: plain && !Self.isString(tag)), at: place))
      anchor = name
    case .sequenceStart(let name, let tag):
      try Self.checkTag(tag, place)
      composed = try sequence(place, depth: depth)
      anchor = name
    case .mappingStart(let name, let tag):
      try Self.checkTag(tag, place)
      composed = try mapping(place, depth: depth)
      anchor = name
    default:
      throw Self.problem(place, expected: "a value", found: "the end of the text")
    }
    if let anchor { anchors[anchor] = composed }
    return composed
  }

  private mutating func sequence(_ place: SourcePlace, depth: Int) throws(ConfigurationError) -> Composed {
    var elements: [YAMLNode] = []
    var composed = Composed(node: YAMLNode(.sequence([]), at: place))
    while true {
      let (event, place) = try events.next()
      if case .sequenceEnd = event { break }
      let element = try compose(event, place, depth: depth + 1)
      elements.append(element.node)
      composed.nodes += element.nodes
      composed.height = max(composed.height, element.height + 1)
    }
    composed.node.content = .sequence(elements)
    return composed
  }

  private mutating func mapping(_ place: SourcePlace, depth: Int) throws(ConfigurationError) -> Composed {
    var merging = YAMLMapping()
    var composed = Composed(node: YAMLNode(.mapping([]), at: place))
    while true {
      let (keyEvent, keyPlace) = try events.next()
      if case .mappingEnd = keyEvent { break }
      let key = try compose(keyEvent, keyPlace, depth: depth + 1)
      let (event, valuePlace) = try events.next()
      let value = try compose(event, valuePlace, depth: depth + 1)
      try merging.add(key: key.node, at: keyPlace, value: value.node)
      composed.nodes += key.nodes + value.nodes
      composed.height = max(composed.height, value.height + 1)
    }
    composed.node.content = .mapping(merging.pairs)
    return composed
  }

  private mutating func count(
    _ more: Int, height: Int, depth: Int, _ place: SourcePlace
  ) throws(ConfigurationError) {
    nodes += more
    guard nodes <= YAMLDocument.nodesMax else {
      throw Self.problem(
        place,
        expected: "at most \(YAMLDocument.nodesMax) values, each alias counted as the values it stands for",
        found: "more", advice: "use fewer or smaller aliases")
    }
    guard depth + height - 1 <= YAMLDocument.depthMax else {
      throw Self.problem(
        place, expected: "at most \(YAMLDocument.depthMax) levels of nesting", found: "more")
    }
  }

  private static let coreTags = "tag:yaml.org,2002:"

  /// Whether a tag makes a scalar a string.
  private static func isString(_ tag: String?) -> Bool { tag == "!" || tag == coreTags + "str" }

  /// - Throws: if a tag is outside YAML's core schema.
  private static func checkTag(_ tag: String?, _ place: SourcePlace) throws(ConfigurationError) {
    guard let tag, !isString(tag) else { return }
    guard ["null", "bool", "int", "float", "seq", "map"].contains(where: { tag == coreTags + $0 }) else {
      throw problem(place, expected: "a value without a tag of its own", found: tag, advice: "remove the tag")
    }
  }

  static func problem(
    _ place: SourcePlace, expected: String, found: String, advice: String = ""
  ) -> ConfigurationError {
    ConfigurationError(
      ConfigurationProblem(place: place.description, expected: expected, found: found, advice: advice))
  }
}
