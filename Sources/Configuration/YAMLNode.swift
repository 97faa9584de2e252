// A YAML document as a tree with places.

/// A value of a YAML document, with its place.
public struct YAMLNode: Hashable, Sendable {
  /// A scalar, a sequence or a mapping.
  public indirect enum Content: Hashable, Sendable {
    /// A scalar's text; `plain` is false for quoted and block scalars, which are always strings.
    case scalar(String, plain: Bool)
    case sequence([YAMLNode])
    case mapping([YAMLPair])
  }

  /// The value itself.
  public var content: Content
  /// Where the value begins; an alias has the place of its anchor's value.
  public var place: SourcePlace

  public init(_ content: Content, at place: SourcePlace) {
    self.content = content
    self.place = place
  }
}

/// A key of a mapping, and its value. Keys are scalars; a document has no key twice in a mapping.
public struct YAMLPair: Hashable, Sendable {
  /// The key's text.
  public var key: String
  /// Where the key begins.
  public var keyPlace: SourcePlace
  /// The value under the key.
  public var value: YAMLNode

  public init(key: String, keyPlace: SourcePlace, value: YAMLNode) {
    self.key = key
    self.keyPlace = keyPlace
    self.value = value
  }
}

extension YAMLNode {
  /// Whether it is empty, `~` or `null`, unquoted.
  public var isNull: Bool {
    guard case .scalar(let text, plain: true) = content else { return false }
    return ["", "~", "null", "Null", "NULL"].contains(text)
  }

  /// The value of an unquoted `true` or `false`; nil for anything else.
  public var bool: Bool? {
    guard case .scalar(let text, plain: true) = content else { return nil }
    if ["true", "True", "TRUE"].contains(text) { return true }
    if ["false", "False", "FALSE"].contains(text) { return false }
    return nil
  }

  /// The value of a decimal number, finite and unquoted; `_` may stand between digits.
  public var double: Double? {
    guard case .scalar(let text, plain: true) = content, let digits = Self.number(text),
      let value = Double(digits), value.isFinite
    else { return nil }
    return value
  }

  /// The value of an unquoted whole number that fits the type; `2e5` and `200_000` are valid.
  public func integer<I: FixedWidthInteger>(_ type: I.Type = I.self) -> I? {
    guard case .scalar(let text, plain: true) = content, let digits = Self.number(text) else { return nil }
    if let value = I(digits) { return value }
    guard digits.contains(where: { $0 == "e" || $0 == "E" }), let value = Double(digits),
      value.magnitude <= 0x1p53
    else { return nil }
    return I(exactly: value)
  }

  /// The text of any scalar but null; nil for null, lists and mappings.
  public var string: String? {
    guard case .scalar(let text, _) = content, !isNull else { return nil }
    return text
  }

  /// The elements of a list; nil for anything else.
  public var sequence: [YAMLNode]? {
    guard case .sequence(let nodes) = content else { return nil }
    return nodes
  }

  /// The pairs of a mapping; nil for anything else.
  public var mapping: [YAMLPair]? {
    guard case .mapping(let pairs) = content else { return nil }
    return pairs
  }

  /// The value of a key; nil if it is missing or this is no mapping.
  public subscript(key: String) -> YAMLNode? {
    mapping?.first { $0.key == key }?.value
  }

  /// The value in words that follow "found" in a message.
  public var found: String {
    switch content {
    case .scalar(_, plain: true) where isNull: "nothing"
    case .scalar(let text, plain: true): Self.shortened(text)
    case .scalar(let text, plain: false): "the string \"\(Self.shortened(text))\""
    case .sequence(let nodes): nodes.isEmpty ? "an empty list" : "a list"
    case .mapping(let pairs): pairs.isEmpty ? "an empty mapping" : "a mapping"
    }
  }

  private static func shortened(_ text: String) -> String {
    text.count <= 60 ? text : "\(text.prefix(57))…"
  }

  /// The text without underscores if it is written as a decimal number.
  private static func number(_ text: String) -> String? {
    guard let first = text.utf8.first, let last = text.utf8.last, first != UInt8(ascii: "_"),
      last != UInt8(ascii: "_"), text.utf8.contains(where: { (0x30...0x39).contains($0) })
    else { return nil }
    let allowed = Set("0123456789+-.eE_".utf8)
    guard text.utf8.allSatisfy({ allowed.contains($0) }) else { return nil }
    return text.filter { $0 != "_" }
  }
}
