// A fast checksum for files.

/// A 64-bit checksum: FNV-1a over little-endian words in four lanes, then mixed. It finds torn and
/// damaged writes; it is not for secrets.
public enum Checksum {
  /// Costs about one multiplication per 8 bytes.
  public static func of(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    let prime: UInt64 = 0x100_0000_01B3
    // Four chains that do not wait for each other. Not a SIMD vector: before AVX-512 there is no
    // multiplication of 64-bit vectors.
    var a: UInt64 = 0xCBF2_9CE4_8422_2325
    var b: UInt64 = 0x9E37_79B9_7F4A_7C15
    var c: UInt64 = 0xD1B5_4A32_D192_ED03
    var d: UInt64 = 0x8CB9_2BA7_2F3D_8DD7
    var offset = 0
    @inline(__always) func add(_ word: Int, to lane: inout UInt64) {
      let value = bytes.loadUnaligned(fromByteOffset: offset + word * 8, as: UInt64.self)
      lane = (lane ^ UInt64(littleEndian: value)) &* prime
      lane ^= lane >> 29
    }
    while bytes.count - offset >= 32 {
      add(0, to: &a)
      add(1, to: &b)
      add(2, to: &c)
      add(3, to: &d)
      offset += 32
    }
    var hash = UInt64(bytes.count)
    for lane in [a, b, c, d] { hash = mix(hash ^ lane) }
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
