// The content of one insert message, as views into the frame that carried it.

/// Chunks and items of one message. The pointers are views into the frame, valid only while it lives, and may be
/// unaligned: read them with `loadUnaligned` or copy them.
///
/// Whoever makes one has checked it against `schema`: each column has `count × field.byteCount` bytes, each flags
/// column `count`. Values (flags, priorities, indices) are not checked.
public struct Insertion {
  public var chunks: [ChunkHeader] = []
  /// Chunk-major: the columns of chunk i start at i × `columnsPerChunk`; the last one of each chunk is its flags.
  public var columns: [UnsafeRawBufferPointer] = []
  public var columnsPerChunk: Int
  public var items: [ItemBlock] = []

  public init(columnsPerChunk: Int) {
    self.columnsPerChunk = columnsPerChunk
  }

  /// Empties it but keeps its memory.
  public mutating func removeAll() {
    chunks.removeAll(keepingCapacity: true)
    columns.removeAll(keepingCapacity: true)
    items.removeAll(keepingCapacity: true)
  }

  public var stepCount: Int { chunks.reduce(0) { $0 + $1.count } }
  public var itemCount: Int { items.reduce(0) { $0 + $1.count } }

  /// Column `column` of chunk `chunk`: a field's rows, or for the last column the flags.
  public func column(_ column: Int, ofChunk chunk: Int) -> UnsafeRawBufferPointer {
    columns[chunk * columnsPerChunk + column]
  }
}

/// Items of one table, column by column (little-endian).
public struct ItemBlock {
  /// The table's index in the order agreed at HELLO.
  public var table: Int
  public var count: Int
  /// uint32 each.
  public var streams: UnsafeRawBufferPointer
  /// uint64 each.
  public var firstIndices: UnsafeRawBufferPointer
  /// uint32 each: steps spanned.
  public var spans: UnsafeRawBufferPointer
  /// float32 each; nil if the writer gave none.
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
