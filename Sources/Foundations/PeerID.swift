// The sender of a frame.

/// A ZeroMQ routing identity of up to 16 bytes. It is held in place, so that finding a peer
/// allocates nothing.
public struct PeerID: Hashable, Sendable {
  @usableFromInline var high: UInt64 = 0
  @usableFromInline var low: UInt64 = 0
  /// Bytes of the identity.
  public let count: Int

  /// The longest routing identity that services accept. (ZeroMQ itself makes 5 bytes.)
  public static let byteCountMax = 16

  /// nil if there are more than 16 bytes.
  public init?(_ bytes: UnsafeRawBufferPointer) {
    guard bytes.count <= Self.byteCountMax else { return nil }
    count = bytes.count
    withUnsafeMutableBytes(of: &high) { $0.copyBytes(from: bytes.prefix(8)) }
    if bytes.count > 8 {
      withUnsafeMutableBytes(of: &low) { $0.copyBytes(from: bytes.dropFirst(8)) }
    }
  }

  /// A peer whose 8 bytes are `number`: for peers without a routing identity, as a shard or in a
  /// test.
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
