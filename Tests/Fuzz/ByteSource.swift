// Turns a fuzzer's bytes into decisions.

/// Reads an input from its start; past its end all bytes are zeros.
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

  /// A number from 0 to `bound` − 1; `bound` is at most 256.
  mutating func below(_ bound: Int) -> Int { Int(byte()) % bound }

  /// True once in `bound` times at random, and never past the end.
  mutating func rarely(_ bound: Int) -> Bool { below(bound) == bound - 1 }

  mutating func word() -> UInt64 { (0..<8).reduce(0) { word, _ in word << 8 | UInt64(byte()) } }

  /// Mostly small, else a value near which sums and conversions fail.
  mutating func number() -> UInt64 {
    switch below(8) {
    case 0...4: UInt64(byte())
    case 5: UInt64(byte()) << (UInt64(byte()) % 64)
    case 6: (1 << (UInt64(byte()) % 64)) &- 1
    default: word()
    }
  }

  /// A value near `value`, mostly itself.
  mutating func near(_ value: UInt64) -> UInt64 {
    switch below(8) {
    case 0...4: value
    case 5: value &+ UInt64(below(4))
    case 6: value &- UInt64(below(4))
    default: number()
    }
  }

  /// Mostly an ordinary number, else an extreme one, an infinity or NaN.
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

  /// Bytes of the input; fewer at its end.
  mutating func bytes(_ count: Int) -> [UInt8] {
    let taken = Array(rest.prefix(count))
    rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(taken.count))
    return taken
  }
}
