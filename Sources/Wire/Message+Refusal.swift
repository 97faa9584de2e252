// ERROR: why something was refused.

/// What a refused peer can do about it.
public enum RefusalCode: UInt8, CaseIterable, Sendable {
  /// The bytes are no message of this protocol version.
  case malformed = 1
  /// Say HELLO first (the service restarted, or the connection is new).
  case unknownPeer = 2
  /// Schema, table or weights do not agree with the service's.
  case mismatch = 3
  /// The message is well-formed, but its content cannot be accepted; sending it again will not help.
  case invalid = 4
  /// The service has no room or credit for this; try again later.
  case busy = 5
  /// This service does not handle this type of message.
  case unsupported = 6
}

/// `[version, 8, code, type refused or 0, reference, text]`
public struct Refusal: ValueMessage, Error {
  public var code: RefusalCode
  /// The type of the refused message; 0 if it could not be read.
  public var type: UInt8
  /// Its sequence or request number, if it had one.
  public var reference: UInt64
  /// Where, expected, found, and what to do.
  public var text: String

  public init(code: RefusalCode, type: UInt8, reference: UInt64, text: String) {
    self.code = code
    self.type = type
    self.reference = reference
    self.text = text
  }

  public func encode(into writer: FrameWriter) {
    writer.begin(.refusal)
    writer.unsigned(UInt64(code.rawValue))
    writer.unsigned(UInt64(type))
    writer.unsigned(reference)
    writer.string(text, maxBytes: Limits.textBytes)
  }

  public init(from cursor: inout FrameCursor) throws(WireError) {
    let start = cursor.offset
    let number = try cursor.unsigned("the code")
    guard number <= 255, let code = RefusalCode(rawValue: UInt8(number)) else {
      throw WireError(
        offset: start, expected: "a refusal code 1…\(RefusalCode.allCases.count)", found: "\(number)")
    }
    self.code = code
    type = UInt8(try cursor.count(max: 255, "the refused type"))
    reference = try cursor.number("the reference")
    text = try cursor.string(maxBytes: Limits.textBytes, "the text")
    try cursor.close()
  }
}
