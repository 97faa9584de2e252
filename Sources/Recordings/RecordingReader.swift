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

  /// All blocks, in the file's order.
  let allBlocks: [RecordingBlock]
  /// What the headers of all blocks say; nil if an index said it.
  let scan: BlockScan?
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
    let indexed = Self.indexedBlocks(file, decompressor)
    if let indexed, !scans {
      allBlocks = indexed
      scan = nil
    } else {
      let scan = try BlockScan(file)
      self.scan = scan
      allBlocks = scan.blocks
      damage = scan.damage
    }
    isIndexed = indexed != nil
    guard let first = allBlocks.first else {
      throw RecordingError(
        path,
        "expected a recording of Rookery, found no block of one: it is another file, or nothing of it is left"
      )
    }
    if first.header.kind == .about, first.offset == 0 {
      about = Self.value(of: first, file, decompressor, &damage) {
        (cursor) throws(WireError) in try RecordingAbout(from: &cursor)
      }
    } else {
      about = nil
    }
    blocks = allBlocks.filter { $0.header.kind == .messages }
    sources = Self.sources(allBlocks, file, decompressor, &damage)
    for block in blocks where Self.source(of: block, sources) == nil {
      damage.append(
        RecordingDamage(
          range: block.offset..<block.frame.upperBound,
          problem: "expected a description of source \(block.header.source), found none"
            + block.header.lossText))
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
    allBlocks = reader.allBlocks
    scan = reader.scan
    damage = reader.damage
    isIndexed = reader.isIndexed
  }

  /// The source of a block; nil if its description is damaged.
  public func source(of block: RecordingBlock) -> RecordingSource? { Self.source(of: block, sources) }

  private static func source(of block: RecordingBlock, _ sources: [RecordingSource?]) -> RecordingSource? {
    let number = Int(block.header.source)
    return sources.indices.contains(number) ? sources[number] : nil
  }

  /// The time of the first message, in nanoseconds since 1970, as the headers tell it; nil if there
  /// is none.
  public var beginning: Int64? { blocks.filter { $0.header.messages > 0 }.map(\.header.firstTime).min() }

  /// The time of the last message.
  public var ending: Int64? { blocks.filter { $0.header.messages > 0 }.map(\.header.lastTime).max() }

  /// The entries of a block; nil if it is damaged, which is then in `damage`. They are valid until
  /// the next call. A damaged entry ends with an error when it is read.
  public func entries(of block: RecordingBlock) -> RecordedEntries? {
    guard let source = source(of: block) else { return nil }
    guard let content = content(of: block) else { return nil }
    return RecordedEntries(content, of: source, keeping: decompressor)
  }

  /// The next entry of a block; nil at its end, and where an entry is damaged, which is then in
  /// `damage`.
  public func next(_ entries: inout RecordedEntries, of block: RecordingBlock) -> RecordedEntry? {
    do throws(WireError) {
      return try entries.next()
    } catch {
      record(block, "its content is damaged \(error); what follows in the block is lost")
      return nil
    }
  }

  /// Records that a block cannot be read to its end.
  public func record(_ block: RecordingBlock, _ problem: String) {
    let found = RecordingDamage(range: block.offset..<block.frame.upperBound, problem: problem)
    if !damage.contains(found) { damage.append(found) }
  }

  /// A block's content; nil if it is damaged, which is then in `damage`. Valid until the next call.
  func content(of block: RecordingBlock) -> UnsafeRawBufferPointer? {
    let content = Self.content(of: block, file, decompressor, &compressed)
    if content == nil {
      record(
        block,
        Self.header(at: block.offset, file) == block
          ? "expected a frame of \(block.header.contentBytes) bytes of content, found a damaged one\(block.header.lossText)"
          : "expected the block that the index tells of, found another header\(block.header.lossText)")
    }
    return content
  }

  /// The frame of the block whose content or entries were read last.
  var lastFrame: [UInt8] { compressed }

  // MARK: - Blocks

  private static func indexedBlocks(_ file: FileBytes, _ decompressor: Decompressor) -> [RecordingBlock]? {
    var bytes: [UInt8] = []
    guard file.count > UInt64(Trailer.byteCount),
      file.read(file.count - UInt64(Trailer.byteCount)..<file.count, into: &bytes),
      let offset = bytes.withUnsafeBytes(Trailer.decode), offset < file.count,
      let block = header(at: offset, file), block.header.kind == .index,
      let content = content(of: block, file, decompressor, &bytes)
    else { return nil }
    let blocks = BlockIndex.decode(content, at: offset)
    // An index may be another file's. All headers would be as many reads as without an index.
    for block in [blocks?.first, blocks?.last].compactMap({ $0 })
    where header(at: block.offset, file) != block {
      return nil
    }
    return blocks
  }

  /// The sources that blocks describe or belong to. A number is described once.
  private static func sources(
    _ blocks: [RecordingBlock], _ file: FileBytes, _ decompressor: Decompressor,
    _ damage: inout [RecordingDamage]
  ) -> [RecordingSource?] {
    var sources: [RecordingSource?] = []
    for block in blocks where block.header.kind == .source || block.header.kind == .messages {
      let number = Int(block.header.source)
      guard number < sourcesMax else { continue }
      while sources.count <= number { sources.append(nil) }
      guard block.header.kind == .source else { continue }
      let source = value(of: block, file, decompressor, &damage) {
        (cursor) throws(WireError) in try RecordingSource(from: &cursor)
      }
      guard let source else { continue }
      if let first = sources[number], first != source {
        damage.append(
          RecordingDamage(
            range: block.offset..<block.frame.upperBound,
            problem: "expected one description of source \(number), found another, which is ignored"))
      } else {
        sources[number] = source
      }
    }
    return sources
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
