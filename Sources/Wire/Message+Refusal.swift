// REFUSAL: why a message was refused.

/// The cause of a refusal, which says what the client can do. Raw values are the codes on the wire.
public enum RefusalCode: UInt8, CaseIterable, Sendable {
  /// The bytes are no message of this protocol version.
  case malformed = 1
  /// The service does not know this connection: send HELLO or JOIN first.
  case unknownPeer = 2
  /// Schema, tables or tensors differ from the service's.
  case mismatch = 3
  /// The message is well-formed, but the service cannot accept its content. Sending it again does
  /// not help.
  case invalid = 4
  /// The service has no room or credit for this now: try again later.
  case busy = 5
  /// The service does not handle this type of message.
  case unsupported = 6
}

/// `[version, 8, code, type refused or 0, reference, text]`: the answer to a message that has no
/// effect.
public struct Refusal: ValueMessage, Error {
  /// The cause.
  public var code: RefusalCode
  /// The type of the refused message; 0 if it could not be read.
  public var type: UInt8
  /// The refused message's sequence or request number; 0 if it has none.
  public var reference: UInt64
  /// Where, what was expected, what was found, and what to do; for people.
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
