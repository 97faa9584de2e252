// Reads msgpack from other processes without trusting it.

/// A bounded reader over one frame. It checks sizes, depth and counts before anything is allocated.
/// Payloads are views into the frame. (msgpack-c's object tree is not used: five bytes that declare
/// a huge array make it allocate gigabytes.)
///
/// Each method reads one value, checks it, and moves `offset` past it. The argument names the value
/// in the errors that the method throws. Readers accept every msgpack form of a value, not only the
/// shortest.
public struct FrameCursor {
  /// The frame; the cursor is valid only as long as this memory.
  public let bytes: UnsafeRawBufferPointer
  /// The offset of the next byte to read.
  public private(set) var offset = 0

  public init(_ bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
  }

  /// Reads `[version, type` and checks version, type and the number of elements. The error for an
  /// unknown type below 256 carries the type in `unknownType`.
  public mutating func openMessage() throws(WireError) -> MessageType {
    let elements = try array(max: 64, "a message")
    guard elements >= 2 else {
      throw WireError(offset: 0, expected: "an array of at least 2 elements", found: "\(elements)")
    }
    let versionOffset = offset
    let version = try unsigned("the protocol version")
    guard version == UInt64(WireVersion.current) else {
      throw WireError(
        offset: versionOffset, expected: "protocol version \(WireVersion.current)",
        found: "version \(version)")
    }
    let typeOffset = offset
    let code = try unsigned("a message type")
    guard code <= 255, let type = MessageType(rawValue: UInt8(code)) else {
      var error = WireError(
        offset: typeOffset, expected: "a message type 1…\(MessageType.last.rawValue)", found: "\(code)")
      error.unknownType = UInt8(exactly: code)
      throw error
    }
    guard elements == 2 + type.fieldCount else {
      throw WireError(
        offset: 0, expected: "\(2 + type.fieldCount) elements of a message of type \(code)",
        found: "\(elements)")
    }
    return type
  }

  /// Throws unless the whole frame has been read: nothing may follow a message.
  public func close() throws(WireError) {
    guard offset == bytes.count else {
      throw WireError(
        offset: offset, expected: "the end of the frame", found: "\(bytes.count - offset) more bytes")
    }
  }
}

extension FrameCursor {
  /// An array's number of elements, at most `max`; the elements follow.
  public mutating func array(max: Int, _ what: @autoclosure () -> String) throws(WireError) -> Int {
    let start = offset
    let head = try byte(what())
    let count: Int
    switch head {
    case 0x90...0x9F: count = Int(head & 0x0F)
    case 0xDC: count = Int(try bigEndian(UInt16.self, what()))
    case 0xDD: count = Int(try bigEndian(UInt32.self, what()))
    default: throw mismatch(start, "an array for \(what())", head)
    }
    return try bounded(count, max: max, start, what(), "elements")
  }

  /// A map's number of entries, at most `max`; keys and values follow alternately.
  public mutating func map(max: Int, _ what: @autoclosure () -> String) throws(WireError) -> Int {
    let start = offset
    let head = try byte(what())
    let count: Int
    switch head {
    case 0x80...0x8F: count = Int(head & 0x0F)
    case 0xDE: count = Int(try bigEndian(UInt16.self, what()))
    case 0xDF: count = Int(try bigEndian(UInt32.self, what()))
    default: throw mismatch(start, "a map for \(what())", head)
    }
    return try bounded(count, max: max, start, what(), "entries")
  }

  /// An integer in 0…2⁶⁴ − 1.
  public mutating func unsigned(_ what: @autoclosure () -> String) throws(WireError) -> UInt64 {
    let start = offset
    let head = try byte(what())
    switch head {
    case 0x00...0x7F: return UInt64(head)
    case 0xCC: return UInt64(try bigEndian(UInt8.self, what()))
    case 0xCD: return UInt64(try bigEndian(UInt16.self, what()))
    case 0xCE: return UInt64(try bigEndian(UInt32.self, what()))
    case 0xCF: return try bigEndian(UInt64.self, what())
    case 0xD0...0xD3, 0xE0...0xFF:
      offset = start
      let value = try signed(what())
      guard value >= 0 else {
        throw WireError(offset: start, expected: "an integer ≥ 0 for \(what())", found: "\(value)")
      }
      return UInt64(value)
    default: throw mismatch(start, "an integer ≥ 0 for \(what())", head)
    }
  }

  /// An integer in 0…max.
  public mutating func count(max: Int, _ what: @autoclosure () -> String) throws(WireError) -> Int {
    let start = offset
    let value = try unsigned(what())
    guard value <= UInt64(max) else {
      throw WireError(offset: start, expected: "at most \(max) for \(what())", found: "\(value)")
    }
    return Int(value)
  }

  /// An integer in −2⁶³…2⁶³ − 1.
  public mutating func signed(_ what: @autoclosure () -> String) throws(WireError) -> Int64 {
    let start = offset
    let head = try byte(what())
    switch head {
    case 0xE0...0xFF: return Int64(Int8(bitPattern: head))
    case 0xD0: return Int64(try bigEndian(Int8.self, what()))
    case 0xD1: return Int64(try bigEndian(Int16.self, what()))
    case 0xD2: return Int64(try bigEndian(Int32.self, what()))
    case 0xD3: return try bigEndian(Int64.self, what())
    default:
      offset = start
      let value = try unsigned(what())
      guard let signed = Int64(exactly: value) else {
        throw WireError(offset: start, expected: "a 64-bit signed integer for \(what())", found: "\(value)")
      }
      return signed
    }
  }

  /// A float of either size, or an integer: some languages write 1.0 as 1.
  public mutating func double(_ what: @autoclosure () -> String) throws(WireError) -> Double {
    let start = offset
    switch try byte(what()) {
    case 0xCA: return Double(Float(bitPattern: try bigEndian(UInt32.self, what())))
    case 0xCB: return Double(bitPattern: try bigEndian(UInt64.self, what()))
    case 0x00...0x7F, 0xCC...0xCF:
      offset = start
      return Double(try unsigned(what()))
    case 0xD0...0xD3, 0xE0...0xFF:
      offset = start
      return Double(try signed(what()))
    case let head: throw mismatch(start, "a float for \(what())", head)
    }
  }

  /// A boolean; integers are refused.
  public mutating func bool(_ what: @autoclosure () -> String) throws(WireError) -> Bool {
    let start = offset
    switch try byte(what()) {
    case 0xC2: return false
    case 0xC3: return true
    case let head: throw mismatch(start, "a boolean for \(what())", head)
    }
  }

  /// Reads a nil if one is next; otherwise reads nothing and returns false.
  public mutating func readNil() -> Bool {
    guard offset < bytes.count, bytes[offset] == 0xC0 else { return false }
    offset += 1
    return true
  }

  /// Valid UTF-8 of at most `maxBytes` bytes.
  public mutating func string(maxBytes: Int, _ what: @autoclosure () -> String) throws(WireError) -> String {
    let start = offset
    let head = try byte(what())
    let count: Int
    switch head {
    case 0xA0...0xBF: count = Int(head & 0x1F)
    case 0xD9: count = Int(try bigEndian(UInt8.self, what()))
    case 0xDA: count = Int(try bigEndian(UInt16.self, what()))
    case 0xDB: count = Int(try bigEndian(UInt32.self, what()))
    default: throw mismatch(start, "a string for \(what())", head)
    }
    let text = try consume(try bounded(count, max: maxBytes, start, what(), "bytes"), what())
    guard let string = String(validating: text, as: UTF8.self) else {
      throw WireError(offset: start, expected: "UTF-8 for \(what())", found: "other bytes")
    }
    return string
  }

  /// A binary, as a view into the frame. Only the frame's size limits it.
  public mutating func binary(_ what: @autoclosure () -> String) throws(WireError) -> UnsafeRawBufferPointer {
    let start = offset
    let head = try byte(what())
    let count: Int
    switch head {
    case 0xC4: count = Int(try bigEndian(UInt8.self, what()))
    case 0xC5: count = Int(try bigEndian(UInt16.self, what()))
    case 0xC6: count = Int(try bigEndian(UInt32.self, what()))
    default: throw mismatch(start, "a binary for \(what())", head)
    }
    return try consume(count, what())
  }
}

extension FrameCursor {
  private mutating func byte(_ what: @autoclosure () -> String) throws(WireError) -> UInt8 {
    guard offset < bytes.count else {
      throw WireError(offset: offset, expected: what(), found: "the end of the frame")
    }
    defer { offset += 1 }
    return bytes[offset]
  }

  private mutating func bigEndian<Value: FixedWidthInteger & BitwiseCopyable>(
    _ type: Value.Type, _ what: @autoclosure () -> String
  ) throws(WireError) -> Value {
    let size = MemoryLayout<Value>.size
    guard bytes.count - offset >= size else {
      throw WireError(offset: offset, expected: what(), found: "the end of the frame")
    }
    defer { offset += size }
    return Value(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Value.self))
  }

  private mutating func consume(
    _ count: Int, _ what: @autoclosure () -> String
  ) throws(WireError) -> UnsafeRawBufferPointer {
    guard bytes.count - offset >= count else {
      throw WireError(
        offset: offset, expected: "\(count) bytes of \(what())", found: "\(bytes.count - offset) left")
    }
    defer { offset += count }
    return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
  }

  private func bounded(
    _ count: Int, max: Int, _ start: Int, _ what: @autoclosure () -> String, _ unit: String
  ) throws(WireError) -> Int {
    guard count <= max else {
      throw WireError(offset: start, expected: "at most \(max) \(unit) of \(what())", found: "\(count)")
    }
    return count
  }

  private func mismatch(_ offset: Int, _ expected: String, _ head: UInt8) -> WireError {
    WireError(offset: offset, expected: expected, found: Self.name(ofHead: head))
  }

  /// The kind of value that a msgpack head byte begins, in words.
  static func name(ofHead head: UInt8) -> String {
    switch head {
    case 0x00...0x7F, 0xCC...0xCF, 0xD0...0xD3, 0xE0...0xFF: "an integer"
    case 0x80...0x8F, 0xDE, 0xDF: "a map"
    case 0x90...0x9F, 0xDC, 0xDD: "an array"
    case 0xA0...0xBF, 0xD9...0xDB: "a string"
    case 0xC0: "nil"
    case 0xC2, 0xC3: "a boolean"
    case 0xC4...0xC6: "a binary"
    case 0xCA, 0xCB: "a float"
    case 0xC1: "the unused byte 0xC1"
    default: "an extension"
    }
  }
}
