// The public name of a process.

/// A process's name where others can read it: the first 16 bytes of SHA-256 of its id. Anyone who
/// knows the id can speak as the process; the name identifies the process and does not reveal the
/// id.
public struct PublicName: Hashable, Sendable {
  /// The first 8 bytes, big-endian on the wire.
  public let high: UInt64
  /// The last 8 bytes.
  public let low: UInt64

  public init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }
}

extension Identifier {
  /// The public name of the process with this id.
  public var publicName: PublicName {
    let bytes = [high, low].flatMap { part in (0..<8).map { UInt8(truncatingIfNeeded: part >> (56 - 8 * $0)) }
    }
    let hash = SHA256.of(bytes).map(UInt64.init)
    return PublicName(high: hash[0] << 32 | hash[1], low: hash[2] << 32 | hash[3])
  }
}

extension PublicName: CustomStringConvertible {
  /// 32 hexadecimal digits.
  public var description: String { Identifier(high: high, low: low).description }
}
