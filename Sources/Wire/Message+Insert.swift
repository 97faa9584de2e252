// INSERT and its acknowledgement.

public import Experience

/// `[version, 3, sequence, chunks, items]`: the unit that is sequenced, committed and acknowledged.
///
/// A chunk is `[stream, first index, count, weights version, cut, columns]`. Each column is two
/// elements, padding and payload; the flags are the last column. Items come in blocks of `[table,
/// count, streams, first indices, spans, priorities]`; from `streams` on each is a padding and a
/// payload. Priorities may be nil after an empty padding.
public enum Insert {
  /// Begins a message of `chunks` chunks: call `chunk` that many times, then `items`.
  public static func begin(_ writer: FrameWriter, sequence: UInt64, chunks: Int) {
    writer.begin(.insert)
    writer.unsigned(sequence)
    writer.array(chunks)
  }

  /// Appends a chunk. `columns` are its fields in the schema's order, then its flags,
  /// `header.count` rows each.
  public static func chunk(_ writer: FrameWriter, _ header: ChunkHeader, columns: [UnsafeRawBufferPointer]) {
    chunk(writer, header, columns: columns[...])
  }

  /// The same for columns of a longer list, without a copy of them.
  public static func chunk(
    _ writer: FrameWriter, _ header: ChunkHeader, columns: ArraySlice<UnsafeRawBufferPointer>
  ) {
    writer.array(6)
    writer.unsigned(UInt64(header.stream))
    writer.unsigned(header.firstIndex)
    writer.unsigned(header.count)
    writer.unsigned(header.weightsVersion)
    writer.bool(header.isCut)
    writer.array(columns.count * 2)
    for column in columns { writer.alignedBinary(column) }
  }

  /// Appends the items of a message, which ends it.
  public static func items(_ writer: FrameWriter, _ blocks: [ItemBlock]) {
    beginItems(writer, blocks: blocks.count)
    for block in blocks { items(writer, block) }
  }

  /// Begins the items of a message: call `items` for each block.
  public static func beginItems(_ writer: FrameWriter, blocks: Int) { writer.array(blocks) }

  /// Appends one block of items.
  public static func items(_ writer: FrameWriter, _ block: ItemBlock) {
    writer.array(10)
    writer.unsigned(block.table)
    writer.unsigned(block.count)
    writer.alignedBinary(block.streams)
    writer.alignedBinary(block.firstIndices)
    writer.alignedBinary(block.spans)
    if let priorities = block.priorities {
      writer.alignedBinary(priorities)
    } else {
      writer.binary(UnsafeRawBufferPointer(start: nil, count: 0))
      writer.null()
    }
  }

  /// Reads the sequence number alone: a repeated message costs no more than that.
  public static func sequence(from cursor: inout FrameCursor) throws(WireError) -> UInt64 {
    try cursor.number("the sequence")
  }

  /// Reads the rest of a message into `insertion`, as views into the frame.
  ///
  /// - Parameters:
  ///   - schema: of the steps; names the columns in errors.
  ///   - rowBytes: bytes of one row of each column, the flags last.
  public static func content(
    from cursor: inout FrameCursor, schema: StepSchema, rowBytes: [Int], into insertion: inout Insertion
  ) throws(WireError) {
    try body(from: &cursor, schema: schema, rowBytes: rowBytes, into: &insertion)
    try cursor.close()
  }

  /// The same; more may follow.
  public static func body(
    from cursor: inout FrameCursor, schema: StepSchema, rowBytes: [Int], into insertion: inout Insertion
  ) throws(WireError) {
    insertion.removeAll()
    var steps = 0
    for _ in 0..<(try cursor.array(max: Limits.chunksPerMessage, "the chunks")) {
      try chunk(from: &cursor, schema: schema, rowBytes: rowBytes, steps: &steps, into: &insertion)
    }
    for _ in 0..<(try cursor.array(max: Limits.itemBlocksPerMessage, "the item blocks")) {
      insertion.items.append(try itemBlock(from: &cursor))
    }
  }

  private static func chunk(
    from cursor: inout FrameCursor, schema: StepSchema, rowBytes: [Int], steps: inout Int,
    into insertion: inout Insertion
  ) throws(WireError) {
    try cursor.elements(6, "a chunk")
    let stream = UInt32(try cursor.count(max: Int(UInt32.max), "a chunk's stream"))
    let firstIndex = try cursor.number("a chunk's first index")
    let start = cursor.offset
    let count = try cursor.count(max: Limits.stepsPerMessage - steps, "a chunk's steps")
    guard count > 0 else { throw WireError(offset: start, expected: "at least 1 step", found: "0") }
    steps += count
    let version = try cursor.number("a chunk's weights version")
    let isCut = try cursor.bool("a chunk's cut mark")
    insertion.chunks.append(
      ChunkHeader(
        stream: stream, firstIndex: firstIndex, count: count, weightsVersion: version, isCut: isCut))
    try cursor.elements(rowBytes.count * 2, "a chunk's columns (\(rowBytes.count) with a padding each)")
    for (index, bytes) in rowBytes.enumerated() {
      insertion.columns.append(
        try cursor.alignedBinary(
          byteCount: count * bytes,
          "column '\(index < schema.fields.count ? schema.fields[index].name : "flags")' of \(count) steps"))
    }
  }

  private static func itemBlock(from cursor: inout FrameCursor) throws(WireError) -> ItemBlock {
    try cursor.elements(10, "an item block")
    let table = try cursor.count(max: Limits.tables - 1, "an item block's table")
    let count = try cursor.count(max: Limits.stepsPerMessage, "an item block's count")
    let streams = try cursor.alignedBinary(byteCount: count * 4, "streams of \(count) items")
    let firstIndices = try cursor.alignedBinary(byteCount: count * 8, "first indices of \(count) items")
    let spans = try cursor.alignedBinary(byteCount: count * 4, "spans of \(count) items")
    try cursor.padding("priorities")
    var priorities: UnsafeRawBufferPointer?
    if !cursor.readNil() {
      let start = cursor.offset
      let payload = try cursor.binary("priorities of \(count) items")
      guard payload.count == count * 4 else {
        throw WireError(
          offset: start, expected: "\(count * 4) bytes of priorities", found: "\(payload.count)")
      }
      priorities = payload
    }
    return ItemBlock(
      table: table, count: count, streams: streams, firstIndices: firstIndices, spans: spans,
      priorities: priorities)
  }
}

/// `[version, 4, committed, gap]`: answers INSERT.
public struct Acknowledgement: ValueMessage {
  /// Messages up to this sequence number are in the store.
  public var committed: UInt64
  /// The service received a message beyond the next: send again from `committed + 1`.
  public var gap: Bool

  public init(committed: UInt64, gap: Bool) {
    self.committed = committed
    self.gap = gap
  }

  public func encode(into writer: FrameWriter) {
    writer.begin(.acknowledgement)
    writer.unsigned(committed)
    writer.bool(gap)
  }

  public init(from cursor: inout FrameCursor) throws(WireError) {
    committed = try cursor.number("the committed sequence")
    gap = try cursor.bool("the gap mark")
    try cursor.close()
  }
}
