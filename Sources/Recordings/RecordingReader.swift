// Reads a recording.

internal import Foundations
internal import Wire

/// An open recording. It trusts no byte of the file: what is damaged is reported, and everything
/// else can be read. Use it from one thread.
public final class RecordingReader {
  public let path: String
  /// The size of the file, in bytes.
  public var fileBytes: UInt64 { file.count }
  /// Describes the file; nil if that block is damaged.
  public let about: RecordingAbout?
  /// The sources, by number; nil where a description is damaged: its messages cannot be read.
  public let sources: [RecordingSource?]
  /// The blocks of messages that can be located, in the file's order.
  public let blocks: [RecordingBlock]
  /// Damage found so far. Contents are checked when they are read.
  public private(set) var damage: [RecordingDamage]
  /// Whether the file ends with an index of all its blocks.
  public let isIndexed: Bool

  private let file: FileBytes
  private let decompressor: Decompressor
  private var compressed: [UInt8] = []
  private static let sourcesMax = 1 << 16

  /// Opens a file by its index, or, without one, by the headers of its blocks.
  /// - Parameter scans: read all headers even if there is an index.
  /// - Throws: `RecordingError` if the file cannot be read, is no recording, or has another version
  ///   of the format.
  public init(path: String, scans: Bool = false) throws(RecordingError) {
    self.path = path
    file = try FileBytes(path: path)
    decompressor = Decompressor()
    var damage: [RecordingDamage] = []
    var all: [RecordingBlock] = []
    let indexed = Self.indexedBlocks(file, decompressor)
    if let indexed, !scans {
      all = indexed
    } else {
      let scan = try BlockScan(file)
      all = scan.blocks
      damage = scan.damage
    }
    isIndexed = indexed != nil
    guard let first = all.first else {
      throw RecordingError(path, "expected a recording of Rookery, found no block of one")
    }
    if first.header.kind == .about, first.offset == 0 {
      about = Self.value(of: first, file, decompressor, &damage) {
        (cursor) throws(WireError) in try RecordingAbout(from: &cursor)
      }
    } else {
      about = nil
    }
    var sources: [RecordingSource?] = []
    for block in all where block.header.kind == .source {
      let number = Int(block.header.source)
      guard number < Self.sourcesMax else { continue }
      while sources.count <= number { sources.append(nil) }
      sources[number] = Self.value(of: block, file, decompressor, &damage) {
        (cursor) throws(WireError) in try RecordingSource(from: &cursor)
      }
    }
    self.sources = sources
    blocks = all.filter { $0.header.kind == .messages }
    for block in blocks
    where !sources.indices.contains(Int(block.header.source)) || sources[Int(block.header.source)] == nil {
      damage.append(
        RecordingDamage(
          range: block.offset..<block.frame.upperBound,
          problem: "expected a description of source \(block.header.source), found none: "
            + "\(block.header.messages) messages cannot be read"))
    }
    self.damage = damage
  }

  /// Opens the file of another reader again, for another thread. What that reader knows of the file
  /// is not read a second time.
  /// - Throws: `RecordingError` if the file cannot be opened.
  public init(another reader: RecordingReader) throws(RecordingError) {
    path = reader.path
    file = try FileBytes(path: reader.path)
    decompressor = Decompressor()
    about = reader.about
    sources = reader.sources
    blocks = reader.blocks
    damage = reader.damage
    isIndexed = reader.isIndexed
  }

  /// The source of a block; nil if its description is damaged.
  public func source(of block: RecordingBlock) -> RecordingSource? {
    let number = Int(block.header.source)
    return sources.indices.contains(number) ? sources[number] : nil
  }

  /// The entries of a block; nil if it is damaged, which is then in `damage`. They are valid until
  /// the next call. A damaged entry ends with an error when it is read.
  public func entries(of block: RecordingBlock) -> RecordedEntries? {
    guard let source = source(of: block) else { return nil }
    let content = Self.content(of: block, file, decompressor, &compressed)
    guard let content else {
      record(block, "expected \(block.header.contentBytes) bytes of content, found a damaged frame")
      return nil
    }
    return RecordedEntries(content, of: source)
  }

  /// Records that a block cannot be read to its end.
  public func record(_ block: RecordingBlock, _ problem: String) {
    let found = RecordingDamage(range: block.offset..<block.frame.upperBound, problem: problem)
    if !damage.contains(found) { damage.append(found) }
  }

  // MARK: - Blocks

  private static func indexedBlocks(_ file: FileBytes, _ decompressor: Decompressor) -> [RecordingBlock]? {
    var bytes: [UInt8] = []
    guard file.count > UInt64(Trailer.byteCount),
      file.read(file.count - UInt64(Trailer.byteCount)..<file.count, into: &bytes),
      let offset = bytes.withUnsafeBytes(Trailer.decode), offset < file.count,
      let block = header(at: offset, file), block.header.kind == .index,
      let content = content(of: block, file, decompressor, &bytes)
    else { return nil }
    return BlockIndex.decode(content, at: offset)
  }

  private static func header(at offset: UInt64, _ file: FileBytes) -> RecordingBlock? {
    var bytes: [UInt8] = []
    let end = offset + UInt64(BlockHeader.byteCount)
    guard end <= file.count, file.read(offset..<end, into: &bytes),
      case .header(let header) = bytes.withUnsafeBytes(BlockHeader.decode)
    else { return nil }
    return RecordingBlock(offset: offset, header: header)
  }

  /// A block's content; nil if header or content are damaged. The header is read again: an index
  /// may be another file's.
  private static func content(
    of block: RecordingBlock, _ file: FileBytes, _ decompressor: Decompressor, _ buffer: inout [UInt8]
  ) -> UnsafeRawBufferPointer? {
    guard header(at: block.offset, file) == block, file.read(block.frame, into: &buffer) else { return nil }
    return buffer.withUnsafeBytes {
      decompressor.decompress($0, contentBytes: Int(block.header.contentBytes))
    }
  }

  private static func value<Value>(
    of block: RecordingBlock, _ file: FileBytes, _ decompressor: Decompressor,
    _ damage: inout [RecordingDamage], _ decode: (inout FrameCursor) throws(WireError) -> Value
  ) -> Value? {
    var buffer: [UInt8] = []
    var problem = "a damaged frame"
    if let content = content(of: block, file, decompressor, &buffer) {
      var cursor = FrameCursor(content)
      do throws(WireError) {
        return try decode(&cursor)
      } catch {
        problem = error.description
      }
    }
    damage.append(
      RecordingDamage(
        range: block.offset..<block.frame.upperBound, problem: "expected a description, found \(problem)"))
    return nil
  }
}
