// Recordings made by hand.

public import Experience
internal import Recordings
internal import Wire

/// A message of a made recording. The values of steps follow from their writer, stream and index.
public struct MadeMessage: Sendable {
  public struct Chunk: Sendable {
    public var stream: UInt32
    public var first: UInt64
    public var flags: [UInt8]
    public var isCut: Bool

    public init(stream: UInt32, first: UInt64, flags: [UInt8], isCut: Bool = false) {
      self.stream = stream
      self.first = first
      self.flags = flags
      self.isCut = isCut
    }
  }

  /// A block of items; either all have a priority or none has.
  public struct Block: Sendable {
    public var table: Int
    public var items: [Item]

    public init(table: Int, items: [Item]) {
      self.table = table
      self.items = items
    }
  }

  public var writer: UInt64
  public var chunks: [Chunk]
  public var blocks: [Block]

  public init(writer: UInt64, chunks: [Chunk], blocks: [Block] = []) {
    self.writer = writer
    self.chunks = chunks
    self.blocks = blocks
  }

  public var label: String { "actor-\(writer)" }
  public var steps: Int { chunks.reduce(0) { $0 + $1.flags.count } }
  public var items: Int { blocks.reduce(0) { $0 + $1.items.count } }
}

extension MadeMessage {
  public static let schema = StepSchema.discrete(observation: [4])

  /// The chunks and items of its INSERT.
  public func content(schema: StepSchema = schema) -> [UInt8] {
    let frame = FrameWriter()
    frame.array(chunks.count)
    for chunk in chunks {
      let columns = schema.fields.map { column($0, chunk) } + [chunk.flags]
      let header = ChunkHeader(
        stream: chunk.stream, firstIndex: chunk.first, count: chunk.flags.count,
        weightsVersion: 1 + chunk.first / 64,
        isCut: chunk.isCut)
      withViews(columns) { Insert.chunk(frame, header, columns: $0) }
    }
    Insert.beginItems(frame, blocks: blocks.count)
    for block in blocks {
      var columns = ItemColumns()
      for item in block.items { columns.append(item) }
      columns.withBlock(table: block.table) { Insert.items(frame, $0) }
    }
    return frame.array()
  }

  private func column(_ field: Field, _ chunk: Chunk) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(field.byteCount * chunk.flags.count)
    for step in 0..<UInt64(chunk.flags.count) {
      let seed = writer &* 1_000_003 &+ UInt64(chunk.stream) &* 1009 &+ chunk.first &+ step
      for element in 0..<UInt64(field.elementCount) {
        let value = (seed &+ element) % 251
        switch field.dtype {
        case .uint8: bytes.append(UInt8(value))
        case .int32: withUnsafeBytes(of: Int32(value % 2)) { bytes += $0 }
        case .int64: withUnsafeBytes(of: Int64(value)) { bytes += $0 }
        case .float32: withUnsafeBytes(of: Float(value) / 8) { bytes += $0 }
        case .float64: withUnsafeBytes(of: Double(value) / 8) { bytes += $0 }
        }
      }
    }
    return bytes
  }
}

/// Writes made messages to a file.
public final class MadeRecording {
  public static let second: Int64 = 1_000_000_000

  private let file: RecordingFile
  private let scratch = FrameWriter()
  private var blocks: [BlockBuilder] = []
  private let blockMessages: Int
  private let schema: StepSchema

  /// - Parameter blockMessages: messages of a block.
  public init(path: String, blockMessages: Int = 8, schema: StepSchema = MadeMessage.schema) throws {
    self.blockMessages = blockMessages
    self.schema = schema
    file = try RecordingFile(
      path: path, about: RecordingAbout(created: Self.second, program: "test", filter: ""), level: 1)
  }

  /// Adds a source: a shard's incarnation.
  public func addSource(
    _ incarnation: UInt64, schema: StepSchema? = nil,
    tables: [TableSchema] = [TableSchema(name: "experience", kind: .transition(nStep: 1, discount: 0.99))]
  ) throws {
    let tap = Tap(
      incarnation: Identifier(high: 7, low: incarnation), shard: 1, time: Self.second, next: 1,
      schema: schema ?? self.schema, tables: tables, configuration: "seed: 1\n")
    guard let source = RecordingSource(tap) else { return }
    blocks.append(BlockBuilder(source: try file.add(source)))
  }

  /// Adds a message of a source.
  public func add(
    _ message: MadeMessage, number: UInt64, time: Int64, priorities: [Float] = [1], source: Int = 0
  ) throws {
    let accepted = Accepted(
      number: number, time: time, writer: PublicName(high: 1, low: message.writer), label: message.label,
      priorities: priorities)
    message.content(schema: schema).withUnsafeBytes {
      blocks[source].add(accepted, body: $0, steps: message.steps, items: message.items, scratch: scratch)
    }
    if blocks[source].header.messages >= UInt64(blockMessages) { try flush(source) }
  }

  /// Adds a message that was accepted and not recorded.
  public func addMissed(number: UInt64, time: Int64, source: Int = 0) {
    blocks[source].add(MissedMessages(numbers: number...number, time: time), scratch: scratch)
  }

  /// Writes what is left, and the index.
  public func finish() throws {
    for source in blocks.indices { try flush(source) }
    try file.finish()
  }

  private func flush(_ source: Int) throws {
    guard !blocks[source].isEmpty else { return }
    try file.append(blocks[source])
    blocks[source] = BlockBuilder(source: source)
  }
}
