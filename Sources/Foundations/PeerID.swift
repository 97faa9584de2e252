// Who sent a frame.

/// A ZeroMQ routing identity of up to 16 bytes, held in place so that looking a peer up allocates nothing.
public struct PeerID: Hashable, Sendable {
  @usableFromInline var high: UInt64 = 0
  @usableFromInline var low: UInt64 = 0
  public let count: Int

  /// The longest routing identity that services speak to (ZeroMQ itself makes 5 bytes).
  public static let byteCountMax = 16

  /// Nil if there are more than 16 bytes.
  public init?(_ bytes: UnsafeRawBufferPointer) {
    guard bytes.count <= Self.byteCountMax else { return nil }
    count = bytes.count
    withUnsafeMutableBytes(of: &high) { $0.copyBytes(from: bytes.prefix(8)) }
    if bytes.count > 8 {
      withUnsafeMutableBytes(of: &low) { $0.copyBytes(from: bytes.dropFirst(8)) }
    }
  }

  /// A peer by number, for simulations and tests.
  public init(number: UInt64) {
    high = number
    count = 8
  }

  /// Calls `body` with the identity's bytes.
  public func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    withUnsafeBytes(of: (high, low)) { body(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
  }
}

extension PeerID: CustomStringConvertible {
  public var description: String {
    withBytes { bytes in
      bytes.map { byte in
        let digits = String(byte, radix: 16)
        return digits.count < 2 ? "0" + digits : digits
      }.joined()
    }
  }
}
