// PROGRESS: how far a learner is, for a shard that bounds staleness.

/// `[version, 34, table, weights, request, trained]`: a sampler tells a shard that its next batch
/// is trained on weights of at least this version, that it has finished the answers of all requests
/// up to a number, and how stale what it trained on was. It is not answered.
public struct Progress: ValueMessage {
  /// The table's number in WELCOME.
  public var table: Int
  /// The version of the weights.
  public var version: UInt64
  /// The last request whose answer was trained on or left out; 0 if none was.
  public var request: UInt64
  /// Of all rows that it has trained on.
  public var trained: TrainedStaleness

  public init(table: Int, version: UInt64, request: UInt64, trained: TrainedStaleness) {
    self.table = table
    self.version = version
    self.request = request
    self.trained = trained
  }

  public func encode(into writer: FrameWriter) {
    writer.begin(.progress)
    writer.unsigned(UInt64(table))
    writer.unsigned(version)
    writer.unsigned(request)
    trained.encode(into: writer)
  }

  public init(from cursor: inout FrameCursor) throws(WireError) {
    table = try cursor.count(max: Limits.tables - 1, "the table")
    version = try cursor.number("the version of the weights")
    request = try cursor.number("the finished request")
    trained = try TrainedStaleness(fieldsFrom: &cursor)
    try cursor.close()
  }
}
