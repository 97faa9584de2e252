// TOTALS? and TOTALS: shards of a replay learn of each other.

public import Experience

/// What one incarnation of a shard has inserted into a table and sampled from it. Both only grow,
/// so of two the larger is the newer.
public struct IncarnationTotals: Hashable, Sendable {
  /// The shard's incarnation.
  public var incarnation: Identifier
  /// Items inserted.
  public var inserts: UInt64
  /// Items sampled.
  public var samples: UInt64
  /// Whether inserts wait for the table's limiter.
  public var isWaiting: Bool

  public init(incarnation: Identifier, inserts: UInt64, samples: UInt64, isWaiting: Bool) {
    self.incarnation = incarnation
    self.inserts = inserts
    self.samples = samples
    self.isWaiting = isWaiting
  }
}

/// `[version, 26, table, remote items, error or nil, incarnations]`: a sampler tells one shard
/// what it has seen of the others.
public struct TotalsRequest: ValueMessage {
  /// The table's index in WELCOME.
  public var table: Int
  /// Items in the other shards.
  public var remoteItems: UInt64
  /// The mean error of the limiters of the other shards that have joined; a shard that has not
  /// joined takes it as its own. nil: this message only asks.
  public var error: Double?
  /// The last totals of each of the other shards.
  public var incarnations: [IncarnationTotals]

  public init(table: Int, remoteItems: UInt64, error: Double?, incarnations: [IncarnationTotals]) {
    self.table = table
    self.remoteItems = remoteItems
    self.error = error
    self.incarnations = incarnations
  }

  public func encode(into writer: FrameWriter) {
    writer.begin(.totalsRequest)
    writer.unsigned(table)
    writer.unsigned(remoteItems)
    if let error { writer.double(error) } else { writer.null() }
    writer.array(incarnations.count)
    for entry in incarnations {
      writer.array(4)
      writer.incarnationTotals(entry)
    }
  }

  public init(from cursor: inout FrameCursor) throws(WireError) {
    table = try cursor.count(max: Limits.tables - 1, "the table")
    remoteItems = try cursor.number("the remote items")
    error = cursor.readNil() ? nil : try cursor.limiterError()
    let count = try cursor.array(max: Limits.shards, "the incarnations")
    incarnations = []
    incarnations.reserveCapacity(count)
    for _ in 0..<count {
      try cursor.elements(4, "an incarnation")
      incarnations.append(try cursor.incarnationTotals())
    }
    try cursor.close()
  }
}

/// `[version, 27, table, mass, items, joined, error, incarnation, inserts, samples, waiting]`:
/// the answer, sent at once.
public struct Totals: ValueMessage {
  /// The table's index in WELCOME.
  public var table: Int
  /// The table's mass now: Σ p^α for a prioritized sampler.
  public var mass: Double
  /// Items in the table now.
  public var items: UInt64
  /// Whether the shard's limiter counts the other shards' inserts and samples.
  public var isJoined: Bool
  /// The error of its limiter, in samples, with what it knows of the other shards.
  public var error: Double
  /// The totals of this shard's own incarnation.
  public var own: IncarnationTotals

  public init(table: Int, mass: Double, items: UInt64, isJoined: Bool, error: Double, own: IncarnationTotals)
  {
    self.table = table
    self.mass = mass
    self.items = items
    self.isJoined = isJoined
    self.error = error
    self.own = own
  }

  public func encode(into writer: FrameWriter) {
    writer.begin(.totals)
    writer.unsigned(table)
    writer.double(mass)
    writer.unsigned(items)
    writer.bool(isJoined)
    writer.double(error)
    writer.incarnationTotals(own)
  }

  public init(from cursor: inout FrameCursor) throws(WireError) {
    table = try cursor.count(max: Limits.tables - 1, "the table")
    mass = try cursor.double(in: 0...Double.greatestFiniteMagnitude, "the mass")
    items = try cursor.number("the items")
    isJoined = try cursor.bool("the joined mark")
    error = try cursor.limiterError()
    own = try cursor.incarnationTotals()
    try cursor.close()
  }
}

extension FrameWriter {
  fileprivate func incarnationTotals(_ entry: IncarnationTotals) {
    identifier(entry.incarnation)
    unsigned(entry.inserts)
    unsigned(entry.samples)
    bool(entry.isWaiting)
  }
}

extension FrameCursor {
  fileprivate mutating func incarnationTotals() throws(WireError) -> IncarnationTotals {
    let incarnation = try identifier("an incarnation's id")
    return IncarnationTotals(
      incarnation: incarnation, inserts: try number("its inserts"), samples: try number("its samples"),
      isWaiting: try bool("its waiting mark"))
  }

  fileprivate mutating func limiterError() throws(WireError) -> Double {
    try double(in: -Limits.limiterError...Limits.limiterError, "the error")
  }
}
