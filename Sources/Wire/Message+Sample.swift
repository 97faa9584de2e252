// SAMPLE, BATCH and PRIORITIES: messages between replay and learner.

public import Experience

/// `[version, 5, request, table, count]`: asks for one batch.
public struct SampleRequest: ValueMessage {
  /// The sampler's number for the request; each request has another one.
  public var request: UInt64
  /// The table's index in WELCOME.
  public var table: Int
  /// Rows, from 1 to the table's `Grant.rows`.
  public var count: Int

  public init(request: UInt64, table: Int, count: Int) {
    self.request = request
    self.table = table
    self.count = count
  }

  public func encode(into writer: FrameWriter) {
    writer.begin(.sampleRequest)
    writer.unsigned(request)
    writer.unsigned(table)
    writer.unsigned(count)
  }

  public init(from cursor: inout FrameCursor) throws(WireError) {
    request = try cursor.number("the request")
    table = try cursor.count(max: Limits.tables - 1, "the table")
    count = try cursor.count(max: Limits.batchItems, "the count")
    try cursor.close()
  }
}

/// The part of a BATCH before its columns.
public struct BatchHeader: Hashable, Sendable {
  /// The number of the request that this answers.
  public var request: UInt64
  /// The service's number for the draw, from 1. All parts of one draw have the same number; the
  /// answer to a repeated request has a higher one.
  public var draw: UInt64
  /// The index of this part, from 0.
  public var part: Int
  /// Parts of this answer.
  public var parts: Int
  /// The index in the batch of this part's first row.
  public var firstRow: Int
  /// Rows of this part, at least 1.
  public var rows: Int
  /// Rows of the whole batch.
  public var batchRows: Int
  /// The table's mass at the draw: Σ p^α for a prioritized sampler. P(i) = p_i^α / mass.
  public var mass: Double
  /// Items in the table at the draw: N in the importance weight (N · P(i))^−β.
  public var itemCount: UInt64

  public init(
    request: UInt64, draw: UInt64, part: Int, parts: Int, firstRow: Int, rows: Int, batchRows: Int,
    mass: Double, itemCount: UInt64
  ) {
    self.request = request
    self.draw = draw
    self.part = part
    self.parts = parts
    self.firstRow = firstRow
    self.rows = rows
    self.batchRows = batchRows
    self.mass = mass
    self.itemCount = itemCount
  }
}

/// Offsets of the payloads in the frame of a part that is being encoded.
public struct BatchPayloads {
  /// uint64 for each row.
  public var keys = 0
  /// float32 for each row.
  public var probabilities = 0
  /// uint64 for each row.
  public var versions = 0
  /// The offset of each field's column.
  public var columns: [Int] = []
}

/// `[version, 6, request, draw, part, parts, first row, rows, batch rows, mass, items, keys,
/// probabilities, versions, columns]`: one part of an answer to SAMPLE. A padding comes before each
/// payload; a column is `[field, padding, payload]`.
public struct Batch {
  /// Everything but the columns.
  public var header: BatchHeader
  /// uint64 for each row: the position of the item's first step, which PRIORITIES names.
  public var keys: UnsafeRawBufferPointer
  /// float32 for each row: P(i) at the draw.
  public var probabilities: UnsafeRawBufferPointer
  /// uint64 for each row: the version of the weights that chose the first step's action.
  public var versions: UnsafeRawBufferPointer
  /// The columns' fields, without the batch dimension.
  public var fields: [Field]
  /// `[rows] + shape` for each field, little-endian.
  public var columns: [UnsafeRawBufferPointer]

  /// Encodes everything but the payloads and returns their offsets: the store gathers into the
  /// frame.
  public static func reserve(_ writer: FrameWriter, _ header: BatchHeader, fields: [Field]) -> BatchPayloads {
    writer.begin(.batch)
    writer.unsigned(header.request)
    writer.unsigned(header.draw)
    writer.unsigned(header.part)
    writer.unsigned(header.parts)
    writer.unsigned(header.firstRow)
    writer.unsigned(header.rows)
    writer.unsigned(header.batchRows)
    writer.double(header.mass)
    writer.unsigned(header.itemCount)
    var payloads = BatchPayloads()
    payloads.keys = writer.reserveAlignedBinary(byteCount: header.rows * 8)
    payloads.probabilities = writer.reserveAlignedBinary(byteCount: header.rows * 4)
    payloads.versions = writer.reserveAlignedBinary(byteCount: header.rows * 8)
    writer.array(fields.count)
    for field in fields {
      writer.array(3)
      writer.field(field)
      payloads.columns.append(writer.reserveAlignedBinary(byteCount: header.rows * field.byteCount))
    }
    return payloads
  }

  /// Reads a part; its payloads are views into the frame.
  public init(from cursor: inout FrameCursor) throws(WireError) {
    let request = try cursor.number("the request")
    let draw = try cursor.number("the draw")
    let part = try cursor.count(max: Limits.batchParts, "the part")
    let parts = try cursor.count(max: Limits.batchParts, "the parts")
    let firstRow = try cursor.count(max: Limits.batchItems, "the first row")
    let rows = try cursor.count(max: Limits.batchItems, "the rows")
    let start = cursor.offset
    let batchRows = try cursor.count(max: Limits.batchItems, "the rows of the batch")
    guard part < parts, rows > 0, firstRow + rows <= batchRows else {
      throw WireError(
        offset: start, expected: "a part of at least 1 row within its batch",
        found: "part \(part) of \(parts), rows \(firstRow)+\(rows) of \(batchRows)")
    }
    let mass = try cursor.double(in: 0...Double.greatestFiniteMagnitude, "the mass")
    let itemCount = try cursor.number("the item count")
    header = BatchHeader(
      request: request, draw: draw, part: part, parts: parts, firstRow: firstRow, rows: rows,
      batchRows: batchRows, mass: mass, itemCount: itemCount)
    keys = try cursor.alignedBinary(byteCount: rows * 8, "the keys")
    probabilities = try cursor.alignedBinary(byteCount: rows * 4, "the probabilities")
    versions = try cursor.alignedBinary(byteCount: rows * 8, "the weights versions")
    fields = []
    columns = []
    for _ in 0..<(try cursor.array(max: StepSchema.fieldsMax + 2, "the columns")) {
      try cursor.elements(3, "a column")
      let field = try cursor.field()
      let (byteCount, overflow) = rows.multipliedReportingOverflow(by: field.byteCount)
      columns.append(
        try cursor.alignedBinary(byteCount: overflow ? .max : byteCount, "column '\(field.name)'"))
      fields.append(field)
    }
    try cursor.close()
  }
}

/// `[version, 7, table, keys, priorities]`, a padding before each payload: sets priorities of
/// sampled items.
public struct PriorityUpdate {
  /// The table's index in WELCOME.
  public var table: Int
  /// uint64 each, as BATCH had them.
  public var keys: UnsafeRawBufferPointer
  /// float32 each: raw priorities, finite and ≥ 0. The reader does not check the values.
  public var priorities: UnsafeRawBufferPointer

  public init(table: Int, keys: UnsafeRawBufferPointer, priorities: UnsafeRawBufferPointer) {
    self.table = table
    self.keys = keys
    self.priorities = priorities
  }

  public func encode(into writer: FrameWriter) {
    writer.begin(.priorities)
    writer.unsigned(table)
    writer.alignedBinary(keys)
    writer.alignedBinary(priorities)
  }

  public init(from cursor: inout FrameCursor) throws(WireError) {
    table = try cursor.count(max: Limits.tables - 1, "the table")
    let start = cursor.offset
    keys = try cursor.alignedBinary("the keys")
    guard keys.count % 8 == 0 else {
      throw WireError(offset: start, expected: "8 bytes for each key", found: "\(keys.count) bytes")
    }
    priorities = try cursor.alignedBinary(byteCount: keys.count / 2, "the priorities")
    try cursor.close()
  }

  /// Keys in the message.
  public var count: Int { keys.count / 8 }
}
