// A request of a client.

/// A GET or HEAD request; other methods never reach the handler.
public struct HTTPRequest: Hashable, Sendable {
  /// Decoded, without the query.
  public var path: String
  /// The query's parameters, decoded. Of a name that is given twice, the last counts.
  public var parameters: [String: String]

  public init(path: String, parameters: [String: String] = [:]) {
    self.path = path
    self.parameters = parameters
  }
}
