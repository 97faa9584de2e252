// Finds the blocks of a file.

/// A block in a file.
public struct RecordingBlock: Hashable, Sendable {
  /// Where its header begins.
  public var offset: UInt64
  public var header: BlockHeader

  /// The bytes of the zstd frame after the header.
  var frame: Range<UInt64> {
    let start = offset + UInt64(BlockHeader.byteCount)
    return start..<start + header.compressedBytes
  }
}

/// The 32 bytes after an index, which end a file that was closed in order: a skippable frame of
/// zstd with the offset of the index's block.
enum Trailer {
  static let byteCount = 32
  static let prefix: [UInt8] = [0x53, 0x2A, 0x4D, 0x18, 24, 0, 0, 0] + Array("ROOKEND\n".utf8)

  static func encode(index offset: UInt64) -> [UInt8] {
    var bytes = prefix
    bytes.littleEndian(offset)
    bytes.littleEndian(UInt32(0))
    bytes.littleEndian(CRC32.of(bytes))
    return bytes
  }

  /// The offset of the index; nil if the bytes are no trailer.
  static func decode(_ bytes: UnsafeRawBufferPointer) -> UInt64? {
    guard bytes.count >= byteCount, bytes.starts(with: prefix),
      CRC32.of(UnsafeRawBufferPointer(rebasing: bytes[..<28])) == bytes.value(at: 28, as: UInt32.self)
    else { return nil }
    return bytes.value(at: 16, as: UInt64.self)
  }
}

/// The blocks of a file, found by their headers. After damage it goes on at the next header.
struct BlockScan {
  private(set) var blocks: [RecordingBlock] = []
  private(set) var damage: [RecordingDamage] = []
  /// Where the last whole block, or trailer, ends.
  private(set) var end: UInt64 = 0
  /// Where another recording begins, whose sources have numbers of their own. It is not read.
  private(set) var otherRecording: UInt64?

  private static let windowBytes: UInt64 = 1 << 20

  /// O(blocks) reads, and one pass over damaged parts.
  /// - Throws: `RecordingError` if a block is of another version of the format.
  init(_ file: FileBytes) throws(RecordingError) {
    var buffer: [UInt8] = []
    var offset: UInt64 = 0
    while offset < file.count {
      let window = offset..<min(file.count, offset + UInt64(BlockHeader.byteCount))
      let found = file.read(window, into: &buffer) ? buffer.withUnsafeBytes(Self.part) : nil
      switch found {
      case .block(let header):
        if header.kind == .about, !blocks.isEmpty {
          otherRecording = offset
          damage.append(Self.other(offset, file))
          return
        }
        let block = RecordingBlock(offset: offset, header: header)
        if block.frame.upperBound <= file.count {
          blocks.append(block)
          offset = block.frame.upperBound
          end = offset
        } else {
          let next = Self.next(after: offset, file)
          damage.append(Self.cut(block, next, file))
          offset = next
        }
      case .trailer:
        offset += UInt64(Trailer.byteCount)
        end = offset
      case .otherVersion(let version):
        throw RecordingError(file.path, Self.versionProblem(version))
      case nil:
        let next = Self.next(after: offset, file)
        damage.append(RecordingDamage(range: offset..<next, problem: Self.problem(ofNoHeader: buffer)))
        offset = next
      }
    }
  }

  /// What is wrong with bytes that are neither a header nor a trailer.
  private static func problem(ofNoHeader bytes: [UInt8]) -> String {
    let isCut =
      bytes.count < BlockHeader.byteCount
      && [BlockHeader.prefix, Trailer.prefix].contains { $0.starts(with: bytes.prefix($0.count)) }
    return isCut
      ? "expected a whole block, found \(bytes.count) bytes at the file's end: the block is being written, or its "
        + "writer was ended" : "expected a block's header, found other bytes"
  }

  private static func other(_ offset: UInt64, _ file: FileBytes) -> RecordingDamage {
    RecordingDamage(
      range: offset..<file.count,
      problem: "expected one recording, found the beginning of another, which is not read: "
        + "'rookery recording merge' makes one recording of several files")
  }

  /// A block whose header promises more bytes than there are.
  private static func cut(_ block: RecordingBlock, _ next: UInt64, _ file: FileBytes) -> RecordingDamage {
    let expected = "expected \(block.header.compressedBytes) bytes of a block after its header"
    let left = next - min(next, block.frame.lowerBound)
    return RecordingDamage(
      range: block.offset..<next,
      problem: next < file.count
        ? "\(expected), found another block after \(left)"
        : "\(expected), found \(left) at the file's end: the block is being written, or its writer was ended"
          + block.header.lossText)
  }

  static func versionProblem(_ version: UInt16) -> String {
    "expected version \(BlockHeader.version) of the format, found \(version): "
      + "use the program that made the file, or one that reads its version"
  }

  private enum Part {
    case block(BlockHeader), trailer, otherVersion(UInt16)
  }

  private static func part(_ bytes: UnsafeRawBufferPointer) -> Part? {
    switch BlockHeader.decode(bytes) {
    case .header(let header): .block(header)
    case .otherVersion(let version): .otherVersion(version)
    case .noHeader: Trailer.decode(bytes) == nil ? nil : .trailer
    }
  }

  /// The offset of the next header or trailer, or the file's end.
  private static func next(after offset: UInt64, _ file: FileBytes) -> UInt64 {
    var buffer: [UInt8] = []
    var start = offset + 1
    while start < file.count {
      let stop = min(file.count, start + windowBytes)
      guard file.read(start..<stop, into: &buffer) else { return file.count }
      let found = buffer.withUnsafeBytes { bytes -> Int? in
        for index in 0..<bytes.count where bytes[index] == 0x52 || bytes[index] == 0x53 {
          if part(UnsafeRawBufferPointer(rebasing: bytes[index...])) != nil { return index }
        }
        return nil
      }
      if let found { return start + UInt64(found) }
      if stop == file.count { return stop }
      // A header may lie across the window's end.
      start = stop - UInt64(BlockHeader.byteCount) + 1
    }
    return file.count
  }
}
