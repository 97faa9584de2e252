// What a client of the replay service may have under way.

/// The part of WELCOME that a client must keep to: `credit, credit bytes, frame bytes, silence,
/// rows`.
public struct Grant: Hashable, Sendable {
  /// INSERT messages, or SAMPLE requests, that may be unanswered.
  public var messages: Int
  /// Bytes of INSERT messages that may be unanswered together; one message may always be.
  public var bytes: UInt64
  /// The largest frame that the service takes; a larger one closes the connection that sent it.
  public var frameBytes: UInt64
  /// The service forgets a client that says nothing for this many seconds.
  public var silence_s: UInt64
  /// The most items of one SAMPLE, by table in the order of the tables.
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
