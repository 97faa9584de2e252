// The only random generator of the project.

/// xoshiro256++ seeded through SplitMix64 (Blackman & Vigna 2021, "Scrambled linear pseudorandom
/// number generators"). Not for secrets. Functions that draw take one as an argument, so a run can
/// be repeated by its seed.
public struct SeededGenerator: RandomNumberGenerator, Sendable {
  @usableFromInline var s0: UInt64
  @usableFromInline var s1: UInt64
  @usableFromInline var s2: UInt64
  @usableFromInline var s3: UInt64

  public init(seed: UInt64) {
    var state = seed
    /// The same seed gives the same draws on every machine.
    func splitMix() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      return z ^ (z >> 31)
    }
    s0 = splitMix()
    s1 = splitMix()
    s2 = splitMix()
    s3 = splitMix()
  }

  /// A separate generator for a named part of a run: adding one part does not shift the draws of
  /// another.
  public init(seed: UInt64, part: String, index: Int = 0) {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325  // FNV-1a
    for byte in part.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    self.init(seed: seed ^ hash ^ (UInt64(index) &* 0xD1B5_4A32_D192_ED03))
  }

  /// Seeded by the operating system, for identifiers that must differ between processes.
  public static func fromSystem() -> SeededGenerator {
    var system = SystemRandomNumberGenerator()
    return SeededGenerator(seed: system.next())
  }

  /// 64 random bits.
  @inlinable
  public mutating func next() -> UInt64 {
    let sum = s0 &+ s3
    let result = ((sum << 23) | (sum >> 41)) &+ s0
    let t = s1 << 17
    s2 ^= s0
    s3 ^= s1
    s1 ^= s2
    s0 ^= s3
    s2 ^= t
    s3 = (s3 << 45) | (s3 >> 19)
    return result
  }

  /// Uniform on [0, 1), 53 bits.
  @inlinable
  public mutating func uniform() -> Double {
    Double(next() >> 11) * 0x1p-53
  }

  /// Uniform on [0, 1), 24 bits.
  @inlinable
  public mutating func uniformFloat() -> Float {
    Float(next() >> 40) * 0x1p-24
  }

  /// Uniform on 0 ..< bound, with a bias below bound / 2⁶⁴ (Lemire 2019's multiplication, without
  /// its rejection).
  @inlinable
  public mutating func below(_ bound: Int) -> Int {
    Int(truncatingIfNeeded: UInt64(bound).multipliedFullWidth(by: next()).high)
  }
}
