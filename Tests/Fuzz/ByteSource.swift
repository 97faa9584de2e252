// Makes decisions of a fuzzer's bytes.

/// Reads an input from its start; whoever asks for more than there is gets zeros.
struct ByteSource {
  private var rest: UnsafeRawBufferPointer

  init(_ bytes: UnsafeRawBufferPointer) {
    rest = bytes
  }

  var isEmpty: Bool { rest.isEmpty }

  mutating func byte() -> UInt8 {
    guard let first = rest.first else { return 0 }
    rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst())
    return first
  }

  /// Of 0 to `bound` − 1; `bound` is at most 256.
  mutating func below(_ bound: Int) -> Int { Int(byte()) % bound }

  /// True once in `bound` inputs at random, and never in bytes that are not there.
  mutating func rarely(_ bound: Int) -> Bool { below(bound) == bound - 1 }

  mutating func word() -> UInt64 { (0..<8).reduce(0) { word, _ in word << 8 | UInt64(byte()) } }

  /// Mostly small, else where sums and conversions go wrong.
  mutating func number() -> UInt64 {
    switch below(8) {
    case 0...4: UInt64(byte())
    case 5: UInt64(byte()) << (UInt64(byte()) % 64)
    case 6: (1 << (UInt64(byte()) % 64)) &- 1
    default: word()
    }
  }

  /// What is near `value`: mostly itself.
  mutating func near(_ value: UInt64) -> UInt64 {
    switch below(8) {
    case 0...4: value
    case 5: value &+ UInt64(below(4))
    case 6: value &- UInt64(below(4))
    default: number()
    }
  }

  /// Mostly an ordinary number, else one that is hardly any.
  mutating func float() -> Float {
    switch below(8) {
    case 0...4: Float(byte()) / 8
    case 5:
      [0, -0.0, .infinity, -.infinity, .nan, .greatestFiniteMagnitude, .leastNonzeroMagnitude, -1][below(8)]
    case 6: -Float(byte())
    default: Float(bitPattern: UInt32(truncatingIfNeeded: word()))
    }
  }

  mutating func double() -> Double { rarely(8) ? Double(bitPattern: word()) : Double(float()) }

  /// Fewer at the end of the input.
  mutating func bytes(_ count: Int) -> [UInt8] {
    let taken = Array(rest.prefix(count))
    rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(taken.count))
    return taken
  }
}
