// The checksum of TFRecord files.

/// CRC-32C (Castagnoli; RFC 3720, appendix B.4): reflected polynomial 0x82F63B78, one table look-up
/// a byte. That is fast enough for records of a few hundred bytes once a second.
enum CRC32C {
  private static let table: [UInt32] = (0..<256).map { byte in
    (0..<8).reduce(UInt32(byte)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0x82F6_3B78 : value >> 1 }
  }

  static func of(_ bytes: some Sequence<UInt8>) -> UInt32 {
    ~bytes.reduce(~0) { sum, byte in sum >> 8 ^ table[Int(truncatingIfNeeded: sum ^ UInt32(byte)) & 0xFF] }
  }

  /// The form that TFRecord stores: rotated and shifted, because a checksum of data that holds its
  /// own checksum is weak.
  static func masked(_ bytes: some Sequence<UInt8>) -> UInt32 {
    let sum = of(bytes)
    return (sum >> 15 | sum << 17) &+ 0xA282_EAD8
  }
}
