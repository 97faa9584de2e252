// The content of one INSERT, as views into the frame that carried it.

/// Chunks and items of one message. The pointers are views into the frame and valid only as long as
/// its memory. They may be unaligned: read them with `loadUnaligned` or copy them.
///
/// The reader has checked sizes against the schema: each column has `count × field.byteCount`
/// bytes, each flags column `count`. Values (flags, priorities, indices) are not checked.
public struct Insertion {
  /// The chunks in the order of the message.
  public var chunks: [ChunkHeader] = []
  /// Chunk by chunk: the columns of chunk i start at i × `columnsPerChunk`. The last column of each
  /// chunk is its flags.
  public var columns: [UnsafeRawBufferPointer] = []
  /// The schema's fields, and one for the flags.
  public var columnsPerChunk: Int
  /// Blocks of items; several may be of one table.
  public var items: [ItemBlock] = []

  public init(columnsPerChunk: Int) {
    self.columnsPerChunk = columnsPerChunk
  }

  /// Empties it and keeps its memory.
  public mutating func removeAll() {
    chunks.removeAll(keepingCapacity: true)
    columns.removeAll(keepingCapacity: true)
    items.removeAll(keepingCapacity: true)
  }

  /// Steps of all chunks.
  public var stepCount: Int { chunks.reduce(0) { $0 + $1.count } }
  /// Items of all blocks.
  public var itemCount: Int { items.reduce(0) { $0 + $1.count } }

  /// Column `column` of chunk `chunk`: the rows of a field, or for the last column the flags.
  public func column(_ column: Int, ofChunk chunk: Int) -> UnsafeRawBufferPointer {
    columns[chunk * columnsPerChunk + column]
  }

  /// All columns of a chunk, the flags last.
  public func columns(ofChunk chunk: Int) -> ArraySlice<UnsafeRawBufferPointer> {
    columns[chunk * columnsPerChunk..<(chunk + 1) * columnsPerChunk]
  }
}

/// Items of one table, column by column, little-endian.
public struct ItemBlock {
  /// The table's index in WELCOME.
  public var table: Int
  /// Items in the block.
  public var count: Int
  /// uint32 each.
  public var streams: UnsafeRawBufferPointer
  /// uint64 each.
  public var firstIndices: UnsafeRawBufferPointer
  /// uint32 each: steps that the item spans.
  public var spans: UnsafeRawBufferPointer
  /// float32 each; nil if the writer gave none, so all take the largest of the table.
  public var priorities: UnsafeRawBufferPointer?

  public init(
    table: Int, count: Int, streams: UnsafeRawBufferPointer, firstIndices: UnsafeRawBufferPointer,
    spans: UnsafeRawBufferPointer, priorities: UnsafeRawBufferPointer?
  ) {
    self.table = table
    self.count = count
    self.streams = streams
    self.firstIndices = firstIndices
    self.spans = spans
    self.priorities = priorities
  }

  /// The item at an index.
  @inlinable
  public subscript(index: Int) -> Item {
    Item(
      stream: UInt32(littleEndian: streams.loadUnaligned(fromByteOffset: index * 4, as: UInt32.self)),
      firstIndex: UInt64(
        littleEndian: firstIndices.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self)),
      count: Int(UInt32(littleEndian: spans.loadUnaligned(fromByteOffset: index * 4, as: UInt32.self))),
      priority: priorities.map {
        Float(bitPattern: UInt32(littleEndian: $0.loadUnaligned(fromByteOffset: index * 4, as: UInt32.self)))
      })
  }
}
