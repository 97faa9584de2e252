// TOTALS? and TOTALS: what the shards of a replay know of each other.

public import Experience

/// What a shard's process has taken into a table and given from it. Both only grow while it incarnations, so that of two the larger is the newer.
public struct IncarnationTotals: Hashable, Sendable {
  /// The shard's incarnation.
  public var incarnation: Identifier
  public var inserts: UInt64
  public var samples: UInt64

  public init(incarnation: Identifier, inserts: UInt64, samples: UInt64) {
    self.incarnation = incarnation
    self.inserts = inserts
    self.samples = samples
  }
}

/// `[version, 26, table, items elsewhere, error or nil, incarnations]`: a sampler of several shards tells one of them what it has seen of
/// the others.
public struct TotalsRequest: ValueMessage {
  public var table: Int
  /// Items in the other shards.
  public var remoteItems: UInt64
  /// The mean error of the limiters of those that have joined: from there a shard begins to count with them. Nil: only ask.
  public var error: Double?
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
      writer.array(3)
      writer.incarnation(entry)
    }
  }

  public init(from cursor: inout FrameCursor) throws(WireError) {
    table = try cursor.count(max: Limits.tables - 1, "the table")
    remoteItems = try cursor.number("the remote items")
    error = cursor.nextIsNil() ? nil : try cursor.limiterError()
    let count = try cursor.array(max: Limits.shards, "the incarnations")
    incarnations = []
    incarnations.reserveCapacity(count)
    for _ in 0..<count {
      try cursor.elements(3, "an incarnation")
      incarnations.append(try cursor.incarnation())
    }
    try cursor.close()
  }
}

/// `[version, 27, table, mass, items, joined, error, incarnation, inserts, samples]`: the answer, at once.
public struct Totals: ValueMessage {
  public var table: Int
  /// Σ p^α of the table now, and its items.
  public var mass: Double
  public var items: UInt64
  /// It has begun to count with the others.
  public var isJoined: Bool
  /// Of its limiter, in samples; what it knows of the others is in it.
  public var error: Double
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
    writer.incarnation(own)
  }

  public init(from cursor: inout FrameCursor) throws(WireError) {
    table = try cursor.count(max: Limits.tables - 1, "the table")
    mass = try cursor.double(in: 0...Double.greatestFiniteMagnitude, "the mass")
    items = try cursor.number("the items")
    isJoined = try cursor.bool("whether it has joined")
    error = try cursor.limiterError()
    own = try cursor.incarnation()
    try cursor.close()
  }
}

extension FrameWriter {
  fileprivate func incarnation(_ entry: IncarnationTotals) {
    identifier(entry.incarnation)
    unsigned(entry.inserts)
    unsigned(entry.samples)
  }
}

extension FrameCursor {
  fileprivate mutating func incarnation() throws(WireError) -> IncarnationTotals {
    let incarnation = try identifier("an incarnation's id")
    return IncarnationTotals(
      incarnation: incarnation, inserts: try number("its inserts"), samples: try number("its samples"))
  }

  fileprivate mutating func limiterError() throws(WireError) -> Double {
    try double(in: -Limits.limiterError...Limits.limiterError, "the error")
  }
}
