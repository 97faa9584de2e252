// One published example of a message: how its bytes are made, and what they must read as.

import Testing
import Wire

/// A named frame of `Tests/Fixtures/wire/frames.hex`.
struct GoldenFrame: Sendable, CustomTestStringConvertible {
  let name: String
  let type: MessageType
  let encode: @Sendable (FrameWriter) -> Void
  /// Reads the elements after version and type, and expects the values that were encoded.
  let check: @Sendable (inout FrameCursor) throws -> Void

  var testDescription: String { name }

  init(
    _ name: String, _ type: MessageType, encode: @escaping @Sendable (FrameWriter) -> Void,
    check: @escaping @Sendable (inout FrameCursor) throws -> Void
  ) {
    self.name = name
    self.type = type
    self.encode = encode
    self.check = check
  }

  init(_ name: String, _ type: MessageType, _ message: some ValueMessage) {
    self.init(name, type) {
      message.encode(into: $0)
    } check: { cursor in
      try Self.expect(message, from: &cursor)
    }
  }

  private static func expect<Message: ValueMessage>(_ message: Message, from cursor: inout FrameCursor) throws
  {
    #expect(try Message(from: &cursor) == message)
  }

  var bytes: [UInt8] {
    let writer = FrameWriter()
    encode(writer)
    return writer.array()
  }
}

/// Little-endian bytes of numbers, as payloads hold them.
func payload<Value: FixedWidthInteger>(_ values: [Value]) -> [UInt8] {
  values.flatMap { value in withUnsafeBytes(of: value.littleEndian) { Array($0) } }
}

func payload(_ values: [Float]) -> [UInt8] { payload(values.map(\.bitPattern)) }
