// TOTALS? and TOTALS: what the shards of a replay know of each other.

public import Experience

/// What one life of a shard has taken into and given from a table. Both only grow, so that of two the larger is the newer.
public struct LifeTotals: Hashable, Sendable {
  /// The shard's life; with files, of its store.
  public var life: Identifier
  public var inserts: UInt64
  public var samples: UInt64

  public init(life: Identifier, inserts: UInt64, samples: UInt64) {
    self.life = life
    self.inserts = inserts
    self.samples = samples
  }
}

/// `[version, 26, table, items elsewhere, lives]`: a sampler of several shards tells one of them what it has seen of all.
public struct TotalsRequest: Hashable, Sendable {
  public var table: Int
  /// Items in the shards that the sampler sees alive, without the one that is asked.
  public var itemsElsewhere: UInt64
  public var lives: [LifeTotals]

  public init(table: Int, itemsElsewhere: UInt64, lives: [LifeTotals]) {
    self.table = table
    self.itemsElsewhere = itemsElsewhere
    self.lives = lives
  }

  public func encode(into writer: FrameWriter) {
    writer.begin(.totalsRequest)
    writer.unsigned(table)
    writer.unsigned(itemsElsewhere)
    writer.lives(lives)
  }

  public init(from cursor: inout FrameCursor) throws(WireError) {
    table = try cursor.count(max: Limits.tables - 1, "the table")
    itemsElsewhere = try cursor.number("the items elsewhere")
    lives = try cursor.lives()
    try cursor.close()
  }
}

/// `[version, 27, table, mass, items, lives]`: the answer, at once. Of the lives the first is the shard's own.
public struct Totals: Hashable, Sendable {
  public var table: Int
  /// Σ p^α of the table now, and its items.
  public var mass: Double
  public var items: UInt64
  public var lives: [LifeTotals]

  public init(table: Int, mass: Double, items: UInt64, lives: [LifeTotals]) {
    self.table = table
    self.mass = mass
    self.items = items
    self.lives = lives
  }

  public func encode(into writer: FrameWriter) {
    writer.begin(.totals)
    writer.unsigned(table)
    writer.double(mass)
    writer.unsigned(items)
    writer.lives(lives)
  }

  public init(from cursor: inout FrameCursor) throws(WireError) {
    table = try cursor.count(max: Limits.tables - 1, "the table")
    mass = try cursor.double(in: 0...Double.greatestFiniteMagnitude, "the mass")
    items = try cursor.number("the items")
    let start = cursor.offset
    lives = try cursor.lives()
    guard !lives.isEmpty else {
      throw WireError(offset: start, expected: "at least the shard's own life", found: "none")
    }
    try cursor.close()
  }
}

extension FrameWriter {
  fileprivate func lives(_ lives: [LifeTotals]) {
    array(lives.count)
    for entry in lives {
      array(3)
      identifier(entry.life)
      unsigned(entry.inserts)
      unsigned(entry.samples)
    }
  }
}

extension FrameCursor {
  fileprivate mutating func lives() throws(WireError) -> [LifeTotals] {
    let count = try array(max: Limits.lives, "the lives")
    var lives: [LifeTotals] = []
    lives.reserveCapacity(count)
    for _ in 0..<count {
      try elements(3, "a life")
      let life = try identifier("a life's id")
      lives.append(
        LifeTotals(life: life, inserts: try number("its inserts"), samples: try number("its samples")))
    }
    return lives
  }
}
