// LIMITS? and LIMITS: read and change a rate limiter while it works.

/// `[version, 24, table or nil, samples per insert or nil, least size or nil, least error or nil,
/// largest error or nil]`: sets the limits that are given, then asks for all. A limit that is nil
/// stays.
public struct LimitsRequest: ValueMessage {
  /// The table's name; nil for the only table.
  public var table: String?
  /// Samples for each insert, above 0 and at most 10⁶.
  public var samplesPerInsert: Double?
  /// Items that the table must have before the first sample.
  public var minSize: UInt64?
  /// The least error that a sample may leave; −∞ for no bound.
  public var errorMin: Double?
  /// The largest error that an insert may leave; ∞ for no bound.
  public var errorMax: Double?

  public init(
    table: String? = nil, samplesPerInsert: Double? = nil, minSize: UInt64? = nil, errorMin: Double? = nil,
    errorMax: Double? = nil
  ) {
    self.table = table
    self.samplesPerInsert = samplesPerInsert
    self.minSize = minSize
    self.errorMin = errorMin
    self.errorMax = errorMax
  }

  /// Whether any limit is given.
  public var asksForChange: Bool {
    samplesPerInsert != nil || minSize != nil || errorMin != nil || errorMax != nil
  }

  public func encode(into writer: FrameWriter) {
    writer.begin(.limitsRequest)
    if let table { writer.string(table, maxBytes: Limits.nameBytes) } else { writer.null() }
    if let samplesPerInsert { writer.double(samplesPerInsert) } else { writer.null() }
    if let minSize { writer.unsigned(minSize) } else { writer.null() }
    if let errorMin { writer.double(errorMin) } else { writer.null() }
    if let errorMax { writer.double(errorMax) } else { writer.null() }
  }

  public init(from cursor: inout FrameCursor) throws(WireError) {
    table = try cursor.readNil() ? nil : cursor.string(maxBytes: Limits.nameBytes, "the table")
    samplesPerInsert = try cursor.readNil() ? nil : cursor.double("the samples per insert")
    minSize = try cursor.readNil() ? nil : cursor.number("the least size")
    errorMin = try cursor.readNil() ? nil : cursor.double("the least error")
    errorMax = try cursor.readNil() ? nil : cursor.double("the largest error")
    try cursor.close()
  }
}

/// `[version, 25, table, samples per insert, least size, least error, largest error, error, size]`:
/// a table's limits after the change, and its state.
public struct LimitsAnswer: ValueMessage {
  /// The table's name.
  public var table: String
  /// Samples for each insert.
  public var samplesPerInsert: Double
  /// Items that the table must have before the first sample.
  public var minSize: UInt64
  /// The least error that a sample may leave; −∞ for no bound.
  public var errorMin: Double
  /// The largest error that an insert may leave; ∞ for no bound.
  public var errorMax: Double
  /// inserts · samples per insert − samples, plus what changes of the limits have added.
  public var error: Double
  /// Items in the table.
  public var size: UInt64

  public init(
    table: String, samplesPerInsert: Double, minSize: UInt64, errorMin: Double, errorMax: Double,
    error: Double, size: UInt64
  ) {
    self.table = table
    self.samplesPerInsert = samplesPerInsert
    self.minSize = minSize
    self.errorMin = errorMin
    self.errorMax = errorMax
    self.error = error
    self.size = size
  }

  public func encode(into writer: FrameWriter) {
    writer.begin(.limits)
    writer.string(table, maxBytes: Limits.nameBytes)
    writer.double(samplesPerInsert)
    writer.unsigned(minSize)
    writer.double(errorMin)
    writer.double(errorMax)
    writer.double(error)
    writer.unsigned(size)
  }

  public init(from cursor: inout FrameCursor) throws(WireError) {
    table = try cursor.string(maxBytes: Limits.nameBytes, "the table")
    samplesPerInsert = try cursor.double("the samples per insert")
    minSize = try cursor.number("the least size")
    errorMin = try cursor.double("the least error")
    errorMax = try cursor.double("the largest error")
    error = try cursor.double("the error")
    size = try cursor.number("the size")
    try cursor.close()
  }
}
