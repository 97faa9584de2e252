// A digest of inserted experience.

/// A 64-bit digest of steps and items as they were inserted, by position. It does not depend on
/// writers, streams, times, messages and chunks. Two stores that were given the same steps and
/// items in the same order have the same digest. It is not for secrets.
///
/// Each step and each item is hashed with its position, and the hashes are added modulo 2⁶⁴.
public struct ExperienceDigest: Hashable, Sendable {
  /// Steps added.
  public private(set) var steps: UInt64 = 0
  /// Items added.
  public private(set) var items: UInt64 = 0
  private var sum: UInt64 = 0

  public init() {}

  /// Adds the steps of a chunk, the first of them at `position`. O(bytes).
  public mutating func add(_ insertion: Insertion, chunk: Int, at position: UInt64) {
    let header = insertion.chunks[chunk]
    for step in 0..<header.count {
      var hash = Self.mix(position &+ UInt64(step)) ^ header.weightsVersion
      for column in 0..<insertion.columnsPerChunk {
        let bytes = insertion.column(column, ofChunk: chunk)
        let width = bytes.count / header.count
        hash = Self.extend(hash, UnsafeRawBufferPointer(rebasing: bytes[step * width..<(step + 1) * width]))
      }
      sum &+= Self.mix(hash)
    }
    steps += UInt64(header.count)
  }

  /// Adds an item.
  /// - Parameters:
  ///   - position: of its first step.
  ///   - priority: as inserted: the writer's, or the table's largest for an item without one.
  public mutating func add(table: Int, position: UInt64, span: Int, priority: Float) {
    var hash = Self.mix(position ^ 0x9E37_79B9_7F4A_7C15)
    hash = Self.mix(hash ^ UInt64(table) << 32 ^ UInt64(span))
    sum &+= Self.mix(hash ^ UInt64(priority.bitPattern))
    items += 1
  }

  private static func extend(_ hash: UInt64, _ bytes: UnsafeRawBufferPointer) -> UInt64 {
    var hash = hash
    var offset = 0
    while bytes.count - offset >= 8 {
      hash = mix(hash ^ UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)))
      offset += 8
    }
    for byte in bytes[offset...] { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    return mix(hash ^ UInt64(bytes.count))
  }

  /// The finalizer of SplitMix64.
  private static func mix(_ value: UInt64) -> UInt64 {
    var z = value
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

extension ExperienceDigest: CustomStringConvertible {
  /// 16 hexadecimal digits.
  public var description: String {
    let digits = String(Self.mix(sum &+ Self.mix(steps) &+ Self.mix(items &* 3)), radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
