// What a client is answered.

/// A whole answer; the server adds the headers that every answer has.
public struct HTTPResponse: Hashable, Sendable {
  public var status: UInt32
  /// With its character set: `text/html; charset=utf-8`.
  public var type: String
  public var body: [UInt8]
  /// Where the document may load from and run scripts of; nothing at all unless said.
  public var contentSecurityPolicy = "default-src 'none'; frame-ancestors 'none'"
  /// For 405: the methods that are allowed.
  public var allow: String?

  public init(status: UInt32 = 200, type: String, body: [UInt8]) {
    self.status = status
    self.type = type
    self.body = body
  }

  /// A line of text.
  public init(status: UInt32, text: String) {
    self.init(status: status, type: "text/plain; charset=utf-8", body: Array("\(text)\n".utf8))
  }
}
