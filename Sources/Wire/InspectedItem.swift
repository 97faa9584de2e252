// One item of a replay in INSPECTION.

public import Experience

/// `[table, key, priority, times sampled, writer's label, writer's number, stream, first index,
/// weights version, flags, columns]`: an item and the values of its steps, in order. A column is
/// `[field, padding, content]`.
public struct InspectedItem: Hashable, Sendable {
  /// The table's name.
  public var table: String
  /// The position of the item's first step.
  public var key: UInt64
  /// As written, before the exponent.
  public var priority: Float
  /// How often the item was sampled since it was inserted.
  public var timesSampled: UInt64
  /// The label of the actor that wrote it; empty if the service has forgotten that writer.
  public var label: String
  /// The number under which the service lists its writer; never an `id`.
  public var writer: UInt64
  /// The writer's number for the environment.
  public var stream: UInt64
  /// The index in the stream of the item's first step.
  public var firstIndex: UInt64
  /// The version of the weights that chose the first step's action.
  public var weightsVersion: UInt64
  /// One `StepFlags` byte for each step.
  public var flags: [UInt8]
  /// The fields of a step, in the schema's order.
  public var fields: [Field]
  /// For each field the values of all steps, one step after the other, little-endian.
  public var columns: [[UInt8]]

  public init(
    table: String, key: UInt64, priority: Float, timesSampled: UInt64, label: String, writer: UInt64,
    stream: UInt64, firstIndex: UInt64, weightsVersion: UInt64, flags: [UInt8], fields: [Field],
    columns: [[UInt8]]
  ) {
    self.table = table
    self.key = key
    self.priority = priority
    self.timesSampled = timesSampled
    self.label = label
    self.writer = writer
    self.stream = stream
    self.firstIndex = firstIndex
    self.weightsVersion = weightsVersion
    self.flags = flags
    self.fields = fields
    self.columns = columns
  }

  func encode(into writer: FrameWriter) {
    writer.array(11)
    writer.string(table, maxBytes: Limits.nameBytes)
    writer.unsigned(key)
    writer.float(priority)
    writer.unsigned(timesSampled)
    writer.string(label, maxBytes: Limits.labelBytes)
    writer.unsigned(self.writer)
    writer.unsigned(stream)
    writer.unsigned(firstIndex)
    writer.unsigned(weightsVersion)
    flags.withUnsafeBytes { writer.binary($0) }
    writer.array(fields.count)
    for (field, column) in zip(fields, columns) {
      writer.array(3)
      writer.field(field)
      column.withUnsafeBytes { writer.alignedBinary($0) }
    }
  }

  init(fieldsFrom cursor: inout FrameCursor) throws(WireError) {
    try cursor.elements(11, "an item")
    table = try cursor.string(maxBytes: Limits.nameBytes, "an item's table")
    key = try cursor.number("an item's key")
    priority = Float(try cursor.double("an item's priority"))
    timesSampled = try cursor.number("an item's times sampled")
    label = try cursor.string(maxBytes: Limits.labelBytes, "an item's actor")
    writer = try cursor.number("an item's writer")
    stream = try cursor.number("an item's stream")
    firstIndex = try cursor.number("an item's first index")
    weightsVersion = try cursor.number("an item's weights version")
    flags = Array(try cursor.binary("an item's flags"))
    fields = []
    columns = []
    for _ in 0..<(try cursor.array(max: StepSchema.fieldsMax, "an item's columns")) {
      try cursor.elements(3, "an item's column")
      let field = try cursor.field()
      let content = try cursor.alignedBinary(
        byteCount: field.byteCount.multipliedReportingOverflow(by: flags.count).partialValue,
        "an item's values")
      fields.append(field)
      columns.append(Array(content))
    }
  }
}
