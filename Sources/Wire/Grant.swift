// Limits that the replay service sets for a client.

/// The part of WELCOME that a client must keep to: `credit, credit bytes, frame bytes, silence,
/// rows`.
public struct Grant: Hashable, Sendable {
  /// INSERT messages, or SAMPLE requests, that may be unanswered.
  public var messages: Int
  /// Bytes of unanswered INSERT messages together; a single message may always be sent.
  public var bytes: UInt64
  /// The largest frame that the service accepts, in bytes. A larger one closes its connection.
  public var frameBytes: UInt64
  /// The service forgets a client that is silent for longer than this.
  public var silence_s: UInt64
  /// The most items of one SAMPLE for each table, in the order of the tables.
  public var rows: [Int]

  public init(messages: Int, bytes: UInt64, frameBytes: UInt64, silence_s: UInt64, rows: [Int]) {
    self.messages = messages
    self.bytes = bytes
    self.frameBytes = frameBytes
    self.silence_s = silence_s
    self.rows = rows
  }

  func encode(into writer: FrameWriter) {
    writer.unsigned(messages)
    writer.unsigned(bytes)
    writer.unsigned(frameBytes)
    writer.unsigned(silence_s)
    writer.array(rows.count)
    for count in rows { writer.unsigned(count) }
  }

  init(fieldsFrom cursor: inout FrameCursor) throws(WireError) {
    messages = try cursor.count(max: 1 << 16, "the credit")
    bytes = try cursor.number("the credit in bytes")
    frameBytes = try cursor.number("the largest frame")
    silence_s = try cursor.number("the longest silence")
    rows = []
    for _ in 0..<(try cursor.array(max: Limits.tables, "the most rows by table")) {
      rows.append(try cursor.count(max: Limits.batchItems, "the most rows"))
    }
  }
}
