// What a client asks for.

/// A GET or HEAD request; others never reach the handler.
public struct HTTPRequest: Hashable, Sendable {
  /// Decoded, without the query.
  public var path: String
  /// The query's parameters, decoded; of a name that is given twice, the last.
  public var parameters: [String: String]

  public init(path: String, parameters: [String: String] = [:]) {
    self.path = path
    self.parameters = parameters
  }
}
