// A fast checksum for files.

/// 64-bit checksum of bytes: FNV-1a over little-endian words in four lanes, then mixed. Finds torn and damaged writes; not for secrets.
public enum Checksum {
  /// Cost: about one multiplication per 8 bytes.
  public static func of(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    let prime: UInt64 = 0x100_0000_01B3
    var lanes: SIMD4<UInt64> = [
      0xCBF2_9CE4_8422_2325, 0x9E37_79B9_7F4A_7C15, 0xD1B5_4A32_D192_ED03, 0x8CB9_2BA7_2F3D_8DD7,
    ]
    var offset = 0
    while bytes.count - offset >= 32 {
      for lane in 0..<4 {
        let word = bytes.loadUnaligned(fromByteOffset: offset + lane * 8, as: UInt64.self)
        lanes[lane] = (lanes[lane] ^ UInt64(littleEndian: word)) &* prime
        lanes[lane] ^= lanes[lane] >> 29
      }
      offset += 32
    }
    var hash = UInt64(bytes.count)
    for lane in 0..<4 { hash = mix(hash ^ lanes[lane]) }
    for byte in bytes[offset...] { hash = (hash ^ UInt64(byte)) &* prime }
    return mix(hash)
  }

  private static func mix(_ value: UInt64) -> UInt64 {
    var z = value
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
