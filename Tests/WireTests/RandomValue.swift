// Random msgpack values, often of sizes where msgpack changes the encoding.

import Foundations
import Wire

/// A msgpack value without extensions, which no message has.
indirect enum RandomValue: Equatable {
  case null
  case bool(Bool)
  case unsigned(UInt64)
  case signed(Int64)
  /// Bit patterns: NaN equals itself here.
  case float(UInt32)
  case double(UInt64)
  case string(String)
  case binary([UInt8])
  case array([RandomValue])
  case map([RandomValue])

  init(depth: Int, using random: inout SeededGenerator) {
    switch Int.random(in: 0..<(depth > 0 ? 10 : 8), using: &random) {
    case 0: self = .null
    case 1: self = .bool(Bool.random(using: &random))
    case 2: self = .unsigned(Self.integer(using: &random))
    case 3: self = .signed(Int64(bitPattern: Self.integer(using: &random)))
    case 4: self = .float(random.next())
    case 5: self = .double(random.next())
    case 6: self = .string(Self.text(using: &random))
    case 7: self = .binary((0..<Self.size(using: &random)).map { _ in random.next() })
    case 8: self = .array(Self.elements(1, depth, using: &random))
    default: self = .map(Self.elements(2, depth, using: &random))
    }
  }

  /// Of a random width, and often beside a power of two.
  private static func integer(using random: inout SeededGenerator) -> UInt64 {
    let value = (random.next() as UInt64) >> UInt64.random(in: 0..<64, using: &random)
    guard Bool.random(using: &random) else { return value }
    return (1 << UInt64.random(in: 0..<64, using: &random)) &+ UInt64.random(in: 0...2, using: &random) &- 1
  }

  /// Around the sizes where msgpack changes its heads.
  private static func size(using random: inout SeededGenerator) -> Int {
    let border = [0, 15, 31, 255, 256].randomElement(using: &random)!
    return max(0, border + Int.random(in: -1...2, using: &random))
  }

  private static func text(using random: inout SeededGenerator) -> String {
    let letters: [Character] = ["a", "é", "∑", "😀", "\0"]
    return String((0..<size(using: &random)).map { _ in letters.randomElement(using: &random)! })
  }

  private static func elements(_ each: Int, _ depth: Int, using random: inout SeededGenerator)
    -> [RandomValue]
  {
    let count = depth == 1 ? size(using: &random) / each : Int.random(in: 0...4, using: &random)
    return (0..<count * each).map { _ in RandomValue(depth: depth - 1, using: &random) }
  }
}

extension RandomValue {
  /// Writes it with msgpack-c.
  func write(to writer: FrameWriter) {
    switch self {
    case .null: writer.null()
    case .bool(let value): writer.bool(value)
    case .unsigned(let value): writer.unsigned(value)
    case .signed(let value): writer.signed(value)
    case .float(let bits): writer.float(Float(bitPattern: bits))
    case .double(let bits): writer.double(Double(bitPattern: bits))
    case .string(let value): writer.string(value)
    case .binary(let value): value.withUnsafeBytes { writer.binary($0) }
    case .array(let values):
      writer.array(values.count)
      for value in values { value.write(to: writer) }
    case .map(let values):
      writer.map(values.count / 2)
      for value in values { value.write(to: writer) }
    }
  }

  /// Reads a value of the same shape.
  func reread(from cursor: inout FrameCursor) throws(WireError) -> RandomValue {
    switch self {
    case .null: return cursor.readNil() ? .null : .bool(false)
    case .bool: return .bool(try cursor.bool("a boolean"))
    case .unsigned: return .unsigned(try cursor.unsigned("an integer"))
    case .signed: return .signed(try cursor.signed("an integer"))
    case .float(let bits):
      let value = try cursor.double("a float")
      // A signalling NaN becomes a quiet one on its way through a double.
      return .float(Float(bitPattern: bits).isNaN && value.isNaN ? bits : Float(value).bitPattern)
    case .double: return .double(try cursor.double("a double").bitPattern)
    case .string: return .string(try cursor.string(maxBytes: 4096, "a text"))
    case .binary: return .binary(Array(try cursor.binary("a binary")))
    case .array(let values):
      guard try cursor.array(max: 4096, "an array") == values.count else { return .null }
      return .array(try Self.reread(values, from: &cursor))
    case .map(let values):
      guard try cursor.map(max: 4096, "a map") * 2 == values.count else { return .null }
      return .map(try Self.reread(values, from: &cursor))
    }
  }

  private static func reread(
    _ values: [RandomValue], from cursor: inout FrameCursor
  ) throws(WireError) -> [RandomValue] {
    var found: [RandomValue] = []
    for value in values { found.append(try value.reread(from: &cursor)) }
    return found
  }
}
