// What others may call a process.

/// A process's name where others can read it: the first 16 bytes of SHA-256 of its id. Whoever
/// knows the id can speak as the process; the name tells which one it is, in every incarnation of a
/// service, and does not lead back to the id.
public struct PublicName: Hashable, Sendable {
  public let high: UInt64
  public let low: UInt64

  public init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }
}

extension Identifier {
  /// The name by which others may know who has this id.
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
