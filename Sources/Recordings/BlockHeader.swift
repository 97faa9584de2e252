// The head of a block of a recording.

internal import CZlib

/// What a block holds. Raw values are the codes in the file.
public enum BlockKind: UInt16, CaseIterable, Sendable {
  /// The first block of a file.
  case about = 1
  /// Describes a source: an incarnation of a shard.
  case source = 2
  /// Messages of one source.
  case messages = 3
  /// All blocks before it.
  case index = 4
}

/// The 112 bytes before each block: a skippable frame of zstd, whose content describes the zstd
/// frame that follows. `docs/RECORDINGS.md` has the layout.
public struct BlockHeader: Hashable, Sendable {
  /// What the block holds.
  public var kind: BlockKind
  /// The number of the source, from 0; 0 in blocks of no source.
  public var source: UInt32 = 0
  /// Bytes of the zstd frame after the header.
  public var compressedBytes: UInt64 = 0
  /// Bytes of its content.
  public var contentBytes: UInt64 = 0
  /// Numbers of the first and last message that the block tells of, missed ones included.
  public var firstNumber: UInt64 = 0
  public var lastNumber: UInt64 = 0
  /// Times of the first and last message, in nanoseconds since 1970.
  public var firstTime: Int64 = 0
  public var lastTime: Int64 = 0
  /// Messages, their steps and their items.
  public var messages: UInt64 = 0
  public var steps: UInt64 = 0
  public var items: UInt64 = 0
  /// Messages that were accepted but not recorded.
  public var missed: UInt64 = 0

  public init(kind: BlockKind) {
    self.kind = kind
  }
}

extension BlockHeader {
  /// Bytes of a header in a file.
  public static let byteCount = 112
  /// The version of the format that this program writes. It reads this version only.
  public static let version: UInt16 = 1
  /// The content of a block is at most one frame of the protocol and a few elements.
  static let contentBytesMax: UInt64 = 1 << 30 + 1 << 20
  static let numberMax: UInt64 = 1 << 62
  /// The first 16 bytes: zstd's magic number of a skippable frame, the size of its content, and
  /// this format's magic text.
  static let prefix: [UInt8] = [0x52, 0x2A, 0x4D, 0x18, 104, 0, 0, 0] + Array("ROOKREC\n".utf8)

  func encode() -> [UInt8] {
    var bytes = Self.prefix
    bytes.reserveCapacity(Self.byteCount)
    bytes.littleEndian(Self.version)
    bytes.littleEndian(kind.rawValue)
    bytes.littleEndian(source)
    for value in [compressedBytes, contentBytes, firstNumber, lastNumber] { bytes.littleEndian(value) }
    for value in [firstTime, lastTime] { bytes.littleEndian(value) }
    for value in [messages, steps, items, missed] { bytes.littleEndian(value) }
    bytes.littleEndian(UInt32(0))
    bytes.littleEndian(CRC32.of(bytes))
    return bytes
  }

  /// What 112 bytes of a file are.
  enum Decoded: Hashable {
    case header(BlockHeader)
    /// A header of another version of the format.
    case otherVersion(UInt16)
    case noHeader
  }

  static func decode(_ bytes: UnsafeRawBufferPointer) -> Decoded {
    guard bytes.count >= byteCount, bytes.starts(with: prefix),
      CRC32.of(UnsafeRawBufferPointer(rebasing: bytes[..<108])) == bytes.value(at: 108, as: UInt32.self)
    else { return .noHeader }
    let version = bytes.value(at: 16, as: UInt16.self)
    guard version == Self.version else { return .otherVersion(version) }
    guard let kind = BlockKind(rawValue: bytes.value(at: 18, as: UInt16.self)) else { return .noHeader }
    var header = BlockHeader(kind: kind)
    header.source = bytes.value(at: 20, as: UInt32.self)
    header.compressedBytes = bytes.value(at: 24, as: UInt64.self)
    header.contentBytes = bytes.value(at: 32, as: UInt64.self)
    header.firstNumber = bytes.value(at: 40, as: UInt64.self)
    header.lastNumber = bytes.value(at: 48, as: UInt64.self)
    header.firstTime = bytes.value(at: 56, as: Int64.self)
    header.lastTime = bytes.value(at: 64, as: Int64.self)
    header.messages = bytes.value(at: 72, as: UInt64.self)
    header.steps = bytes.value(at: 80, as: UInt64.self)
    header.items = bytes.value(at: 88, as: UInt64.self)
    header.missed = bytes.value(at: 96, as: UInt64.self)
    return header.isPossible ? .header(header) : .noHeader
  }

  /// What is lost with the block, as the end of a sentence; empty if it has no messages.
  var lossText: String {
    guard kind == .messages, messages > 0 else { return "" }
    return "; \(messages) messages with \(steps) steps and \(items) items are lost, "
      + "numbers \(firstNumber) to \(lastNumber) of source \(source)"
  }

  /// Whether all values are within bounds: sums of them never overflow, but for those of missed
  /// messages. A message, a step and an item have at least one byte each.
  var isPossible: Bool {
    let counts = [missed, firstNumber, lastNumber, compressedBytes]
    return counts.allSatisfy { $0 <= Self.numberMax } && contentBytes <= Self.contentBytesMax
      && [messages, steps, items].allSatisfy { $0 <= contentBytes }
      && firstNumber <= lastNumber && firstTime <= lastTime && firstTime >= 0
      && lastTime <= Int64(Self.numberMax)
  }
}

extension UInt64 {
  /// The sum, or the largest value if it is larger: a file may claim any numbers.
  func adding(_ other: UInt64) -> UInt64 {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? .max : sum
  }
}

/// The checksum of headers: CRC-32 as in zlib, gzip and PNG (ISO 3309).
enum CRC32 {
  static func of(_ bytes: [UInt8]) -> UInt32 { bytes.withUnsafeBytes { of($0) } }

  static func of(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    UInt32(crc32(0, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), UInt32(bytes.count)))
  }
}

extension [UInt8] {
  mutating func littleEndian(_ value: some FixedWidthInteger & BitwiseCopyable) {
    Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
  }
}

extension UnsafeRawBufferPointer {
  func value<Value: FixedWidthInteger & BitwiseCopyable>(at offset: Int, as type: Value.Type) -> Value {
    Value(littleEndian: loadUnaligned(fromByteOffset: offset, as: type))
  }
}
