// Random ids of processes.

/// A random 128-bit id of a process's incarnation, or of a snapshot request.
public struct Identifier: Hashable, Sendable {
  /// The first 8 bytes, big-endian on the wire.
  public let high: UInt64
  /// The last 8 bytes.
  public let low: UInt64

  public init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// Draws a new id.
  public init(using generator: inout some RandomNumberGenerator) {
    self.init(high: generator.next(), low: generator.next())
  }

  /// nil unless `text` is 32 hexadecimal digits.
  public init?(hexadecimal text: some StringProtocol) {
    let digits = Array(text.utf8)
    guard digits.count == 32 else { return nil }
    var parts: [UInt64] = [0, 0]
    for (place, digit) in digits.enumerated() {
      guard let value = Character(Unicode.Scalar(digit)).hexDigitValue else { return nil }
      parts[place / 16] = parts[place / 16] << 4 | UInt64(value)
    }
    self.init(high: parts[0], low: parts[1])
  }

  /// An id that no process has.
  public static let zero = Identifier(high: 0, low: 0)
}

extension Identifier: CustomStringConvertible {
  /// 32 hexadecimal digits.
  public var description: String {
    [high, low].map { part in
      let digits = String(part, radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
  }
}
