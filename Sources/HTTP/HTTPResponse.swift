// An answer to a client.

/// A whole answer. The server adds the headers that are common to all.
public struct HTTPResponse: Hashable, Sendable {
  /// The HTTP status code.
  public var status: UInt32
  /// The media type with its character set: `text/html; charset=utf-8`.
  public var type: String
  /// A HEAD request receives its length only.
  public var body: [UInt8]
  /// Sources from which the document may load and run scripts; by default none.
  public var contentSecurityPolicy = "default-src 'none'; frame-ancestors 'none'"
  /// For 405: the methods that are allowed.
  public var allow: String?

  public init(status: UInt32 = 200, type: String, body: [UInt8]) {
    self.status = status
    self.type = type
    self.body = body
  }

  /// An answer with one line of text.
  public init(status: UInt32, text: String) {
    self.init(status: status, type: "text/plain; charset=utf-8", body: Array("\(text)\n".utf8))
  }
}
