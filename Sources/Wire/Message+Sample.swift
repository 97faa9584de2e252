// SAMPLE, BATCH and PRIORITIES: what passes between replay and learner.

public import Experience

/// `[version, 5, request, table, count]`
public struct SampleRequest: ValueMessage {
  public var request: UInt64
  public var table: Int
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

/// What a part of a batch says beside its columns.
public struct BatchHeader: Hashable, Sendable {
  public var request: UInt64
  /// Numbers the service's draws, from 1: parts of one draw share it, a repeated request's answer
  /// has a higher one.
  public var draw: UInt64
  /// This part of how many, and its first row of the whole batch.
  public var part: Int
  public var parts: Int
  public var firstRow: Int
  public var rows: Int
  /// Rows of the whole batch.
  public var batchRows: Int
  /// Σ p^α of the table at the draw, and its items: P(i) = p_i / mass, w_i from N · P(i).
  public var mass: Double
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

/// Where the payloads of a part that is being encoded lie in its frame.
public struct BatchPayloads {
  public var keys = 0
  public var probabilities = 0
  public var versions = 0
  public var columns: [Int] = []
}

/// `[version, 6, request, draw, part, parts, first row, rows, batch rows, mass, items, keys,
/// probabilities, versions, columns]`, a padding before each payload; a column is `[field, padding,
/// payload]`.
public struct Batch {
  public var header: BatchHeader
  /// Positions of the items' first steps, uint64 each: what priority updates name.
  public var keys: UnsafeRawBufferPointer
  /// P(i), float32 each.
  public var probabilities: UnsafeRawBufferPointer
  /// The weights version each item's first step was acted with, uint64 each.
  public var versions: UnsafeRawBufferPointer
  public var fields: [Field]
  public var columns: [UnsafeRawBufferPointer]

  /// Encodes everything but the payloads, whose places are returned; the store gathers straight into them.
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

  /// Reads a part as views into the frame.
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

/// `[version, 7, table, keys, priorities]` with a padding before each payload.
public struct PriorityUpdate {
  public var table: Int
  /// uint64 each.
  public var keys: UnsafeRawBufferPointer
  /// float32 each: raw priorities.
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
      throw WireError(offset: start, expected: "8 bytes a key", found: "\(keys.count) bytes")
    }
    priorities = try cursor.alignedBinary(byteCount: keys.count / 2, "the priorities")
    try cursor.close()
  }

  public var count: Int { keys.count / 8 }
}
