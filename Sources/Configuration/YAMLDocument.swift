// Reads YAML text into a bounded tree.

/// The one document of a text, with aliases resolved and merge keys merged. Duplicate keys are
/// refused.
public struct YAMLDocument: Sendable {
  /// Bytes of the largest text; a wrong path must not fill memory.
  public static let bytesMax = 4 << 20
  /// Most nodes once aliases are resolved; nested aliases could otherwise multiply without bound.
  public static let nodesMax = 100_000
  /// Deepest nesting once aliases are resolved, so that recursion over a tree is safe.
  public static let depthMax = 64

  /// The top of the tree; null for an empty text.
  public let root: YAMLNode

  /// Parses a text; `file` names it in messages.
  ///
  /// - Throws: `ConfigurationError` with the place that is malformed, duplicate or too large.
  public init(_ text: String, file: String) throws(ConfigurationError) {
    self = try Self.parse(Array(text.utf8), file: file)
  }

  /// Reads and parses a file.
  ///
  /// - Throws: `ConfigurationError`, also if the file cannot be read.
  public init(contentsOf file: String) throws(ConfigurationError) {
    self = try Self.parse(try TextFile.read(file, bytesMax: Self.bytesMax), file: file)
  }

  private init(root: YAMLNode) {
    self.root = root
  }

  private static func parse(_ bytes: [UInt8], file: String) throws(ConfigurationError) -> YAMLDocument {
    guard bytes.count <= bytesMax else {
      throw ConfigurationError(
        ConfigurationProblem(
          place: file, expected: "at most \(bytesMax) bytes of YAML", found: "\(bytes.count) bytes"))
    }
    let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
    let bytes = bytes.starts(with: mark) ? Array(bytes.dropFirst(mark.count)) : bytes
    let result = bytes.withUnsafeBufferPointer { text in
      Result<YAMLNode, ConfigurationError> { () throws(ConfigurationError) in
        var composer = YAMLComposer(events: try YAMLEvents(text, file: file))
        return try composer.document()
      }
    }
    return YAMLDocument(root: try result.get())
  }
}
