// Values of more than one msgpack element, or of a narrower range than msgpack's.

public import Experience

extension FrameCursor {
  /// A sequence number, version, index, count or time: an integer in 0…2⁶².
  public mutating func number(_ what: @autoclosure () -> String) throws(WireError) -> UInt64 {
    let start = offset
    let value = try unsigned(what())
    guard value <= Limits.number else {
      throw WireError(offset: start, expected: "at most 2^62 for \(what())", found: "\(value)")
    }
    return value
  }

  /// Nanoseconds of the monotonic clock: an integer in 0…2⁶².
  public mutating func time(_ what: @autoclosure () -> String) throws(WireError) -> Int64 {
    Int64(try number(what()))
  }

  /// A float within `range`: neither NaN nor infinite.
  public mutating func double(
    in range: ClosedRange<Double>, _ what: @autoclosure () -> String
  ) throws(WireError) -> Double {
    let start = offset
    let value = try double(what())
    guard range.contains(value) else {
      throw WireError(
        offset: start, expected: "\(range.lowerBound) to \(range.upperBound) for \(what())", found: "\(value)"
      )
    }
    return value
  }

  /// An array of exactly `count` elements.
  mutating func elements(_ count: Int, _ what: @autoclosure () -> String) throws(WireError) {
    let start = offset
    let found = try array(max: count, what())
    guard found == count else {
      throw WireError(offset: start, expected: "\(count) elements of \(what())", found: "\(found)")
    }
  }

  /// A payload of two elements: padding of at most 7 bytes, then the content. The content must have
  /// `byteCount` bytes unless that is nil. Readers do not check the padding's length against the
  /// offset: alignment makes them faster; it is not required.
  public mutating func alignedBinary(
    byteCount: Int? = nil, _ what: @autoclosure () -> String
  ) throws(WireError) -> UnsafeRawBufferPointer {
    try padding(what())
    let payloadStart = offset
    let payload = try binary(what())
    if let byteCount, payload.count != byteCount {
      throw WireError(
        offset: payloadStart, expected: "\(byteCount) bytes for \(what())", found: "\(payload.count)")
    }
    return payload
  }

  /// The padding before a payload: at most 7 bytes of any value.
  mutating func padding(_ what: @autoclosure () -> String) throws(WireError) {
    let start = offset
    let padding = try binary("padding before \(what())")
    guard padding.count <= 7 else {
      throw WireError(offset: start, expected: "at most 7 bytes of padding", found: "\(padding.count)")
    }
  }

  /// A binary of exactly 16 bytes, the high half first, big-endian.
  public mutating func identifier(_ what: @autoclosure () -> String) throws(WireError) -> Identifier {
    let start = offset
    let bytes = try binary(what())
    guard bytes.count == 16 else {
      throw WireError(offset: start, expected: "16 bytes for \(what())", found: "\(bytes.count)")
    }
    return Identifier(
      high: UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
      low: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
  }

  /// A binary of 16 bytes, or nil.
  public mutating func optionalIdentifier(_ what: @autoclosure () -> String) throws(WireError) -> Identifier?
  {
    if readNil() { return nil }
    return try identifier(what())
  }

  /// A process's public name: a binary of 16 bytes.
  public mutating func publicName(_ what: @autoclosure () -> String) throws(WireError) -> PublicName {
    let value = try identifier(what())
    return PublicName(high: value.high, low: value.low)
  }
}
