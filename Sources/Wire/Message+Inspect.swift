// INSPECT? and INSPECTION: what a replay service holds.

public import Experience

/// `[version, 20, table or nil, largest, key or nil]`: asks a replay service what it holds.
public struct InspectRequest: ValueMessage {
  /// The table's name; nil for all.
  public var table: String?
  /// How many of the largest priorities to name.
  public var top: Int
  /// The key of an item to show, of the named table or the first.
  public var key: UInt64?

  public init(table: String? = nil, top: Int = 0, key: UInt64? = nil) {
    self.table = table
    self.top = top
    self.key = key
  }

  public func encode(into writer: FrameWriter) {
    writer.begin(.inspectRequest)
    if let table { writer.string(table, maxBytes: Limits.nameBytes) } else { writer.null() }
    writer.unsigned(top)
    if let key { writer.unsigned(key) } else { writer.null() }
  }

  public init(from cursor: inout FrameCursor) throws(WireError) {
    table = try cursor.nextIsNil() ? nil : cursor.string(maxBytes: Limits.nameBytes, "the table")
    top = try cursor.count(max: Limits.topItems, "the number of largest priorities")
    key = try cursor.nextIsNil() ? nil : cursor.number("the key")
    try cursor.close()
  }
}

/// `[version, 21, incarnation, [capacity, steps, head, chunks, streams], [storage, problem or nil], tables, writers in all, writers,
/// item or nil]`.
public struct Inspection: ValueMessage {
  public struct Ring: Hashable, Sendable {
    public var capacity: UInt64
    /// Steps now.
    public var steps: UInt64
    /// Steps inserted since the store was made.
    public var head: UInt64
    public var chunks: UInt64
    public var streams: UInt64

    public init(capacity: UInt64, steps: UInt64, head: UInt64, chunks: UInt64, streams: UInt64) {
      self.capacity = capacity
      self.steps = steps
      self.head = head
      self.chunks = chunks
      self.streams = streams
    }
  }

  /// What holds somebody back: the inequality, and for how long.
  public struct Blocked: Hashable, Sendable {
    public var reason: String
    public var seconds: Double

    public init(reason: String, seconds: Double) {
      self.reason = reason
      self.seconds = seconds
    }
  }

  /// `[name, sampler, [samples per insert, least size, least error, largest error], numbers, inserts blocked or nil, samples blocked
  /// or nil, histograms, largest]`: numbers is a map of names, blocked is `[reason, seconds]`, a histogram `[name, unit, counts]`, of the largest each
  /// `[key, priority]`.
  public struct Table: Hashable, Sendable {
    public var name: String
    public var sampler: String
    public var samplesPerInsert: Double
    public var minSize: UInt64
    public var errorMin: Double
    public var errorMax: Double
    /// `size`, `mass`, `priority_max`, `error` and counters, by name.
    public var numbers: [String: Double]
    public var insertsBlocked: Blocked?
    public var samplesBlocked: Blocked?
    public var histograms: [Histogram]
    public var top: [Ranked]

    public init(
      name: String, sampler: String, samplesPerInsert: Double, minSize: UInt64, errorMin: Double,
      errorMax: Double,
      numbers: [String: Double], insertsBlocked: Blocked?, samplesBlocked: Blocked?, histograms: [Histogram],
      top: [Ranked]
    ) {
      self.name = name
      self.sampler = sampler
      self.samplesPerInsert = samplesPerInsert
      self.minSize = minSize
      self.errorMin = errorMin
      self.errorMax = errorMax
      self.numbers = numbers
      self.insertsBlocked = insertsBlocked
      self.samplesBlocked = samplesBlocked
      self.histograms = histograms
      self.top = top
    }
  }

  /// Counts in buckets of powers of two: bucket 0 counts values below the unit, bucket k those in [2^(k−1), 2^k) units.
  public struct Histogram: Hashable, Sendable {
    public var name: String
    public var unit: Double
    public var counts: [UInt64]

    public init(name: String, unit: Double = 1, counts: [UInt64]) {
      self.name = name
      self.unit = unit
      self.counts = counts
    }
  }

  public struct Ranked: Hashable, Sendable {
    public var key: UInt64
    public var priority: Float

    public init(key: UInt64, priority: Float) {
      self.key = key
      self.priority = priority
    }
  }

  /// `[label, number, committed sequence, messages waiting, seconds since it was heard]`. The
  /// number is the service's own: with a writer's id anybody could speak in its name.
  public struct Writer: Hashable, Sendable {
    public var label: String
    public var number: UInt64
    public var committed: UInt64
    public var waiting: UInt64
    public var age_s: Double

    public init(label: String, number: UInt64, committed: UInt64, waiting: UInt64, age_s: Double) {
      self.label = label
      self.number = number
      self.committed = committed
      self.waiting = waiting
      self.age_s = age_s
    }
  }

  public var incarnation: Identifier
  public var ring: Ring
  /// `memory`, or `file` and where.
  public var storage: String
  /// Why inserts are refused, if they are.
  public var storageProblem: String?
  public var tables: [Table]
  /// How many writers there are; at most `Limits.writersShown` are listed.
  public var writersTotal: UInt64
  public var writers: [Writer]
  public var item: InspectedItem?

  public init(
    incarnation: Identifier, ring: Ring, storage: String, storageProblem: String?, tables: [Table],
    writersTotal: UInt64, writers: [Writer], item: InspectedItem?
  ) {
    self.incarnation = incarnation
    self.ring = ring
    self.storage = storage
    self.storageProblem = storageProblem
    self.tables = tables
    self.writersTotal = writersTotal
    self.writers = writers
    self.item = item
  }
}

extension Inspection {
  public func encode(into writer: FrameWriter) {
    writer.begin(.inspection)
    writer.identifier(incarnation)
    writer.array(5)
    for value in [ring.capacity, ring.steps, ring.head, ring.chunks, ring.streams] { writer.unsigned(value) }
    writer.array(2)
    writer.string(storage, maxBytes: Limits.textBytes)
    if let storageProblem { writer.string(storageProblem, maxBytes: Limits.textBytes) } else { writer.null() }
    writer.array(tables.count)
    for table in tables { table.encode(into: writer) }
    writer.unsigned(writersTotal)
    writer.array(writers.count)
    for entry in writers {
      writer.array(5)
      writer.string(entry.label, maxBytes: Limits.labelBytes)
      writer.unsigned(entry.number)
      writer.unsigned(entry.committed)
      writer.unsigned(entry.waiting)
      writer.double(entry.age_s)
    }
    if let item { item.encode(into: writer) } else { writer.null() }
  }

  public init(from cursor: inout FrameCursor) throws(WireError) {
    incarnation = try cursor.identifier("the incarnation")
    try cursor.elements(5, "the ring")
    ring = Ring(
      capacity: try cursor.number("the capacity"), steps: try cursor.number("the steps"),
      head: try cursor.number("the head"), chunks: try cursor.number("the chunks"),
      streams: try cursor.number("the streams"))
    try cursor.elements(2, "the storage")
    storage = try cursor.string(maxBytes: Limits.textBytes, "the storage")
    storageProblem =
      try cursor.nextIsNil() ? nil : cursor.string(maxBytes: Limits.textBytes, "the storage's problem")
    tables = []
    for _ in 0..<(try cursor.array(max: Limits.tables, "the tables")) {
      tables.append(try Table(fieldsFrom: &cursor))
    }
    writersTotal = try cursor.number("the number of writers")
    writers = []
    for _ in 0..<(try cursor.array(max: Limits.writersShown, "the writers")) {
      try cursor.elements(5, "a writer")
      writers.append(
        Writer(
          label: try cursor.string(maxBytes: Limits.labelBytes, "a writer's label"),
          number: try cursor.number("a writer's number"), committed: try cursor.number("a writer's sequence"),
          waiting: try cursor.number("a writer's waiting messages"),
          age_s: try cursor.double("a writer's silence")))
    }
    item = try cursor.nextIsNil() ? nil : InspectedItem(fieldsFrom: &cursor)
    try cursor.close()
  }
}

extension Inspection.Table {
  func encode(into writer: FrameWriter) {
    writer.array(8)
    writer.string(name, maxBytes: Limits.nameBytes)
    writer.string(sampler, maxBytes: Limits.labelBytes)
    writer.array(4)
    writer.double(samplesPerInsert)
    writer.unsigned(minSize)
    writer.double(errorMin)
    writer.double(errorMax)
    writer.map(numbers.count)
    for (name, value) in numbers.sorted(by: { $0.key < $1.key }) {
      writer.string(name, maxBytes: Limits.nameBytes)
      writer.double(value)
    }
    for blocked in [insertsBlocked, samplesBlocked] {
      guard let blocked else {
        writer.null()
        continue
      }
      writer.array(2)
      writer.string(blocked.reason, maxBytes: Limits.textBytes)
      writer.double(blocked.seconds)
    }
    writer.array(histograms.count)
    for histogram in histograms {
      writer.array(3)
      writer.string(histogram.name, maxBytes: Limits.nameBytes)
      writer.double(histogram.unit)
      writer.array(histogram.counts.count)
      for count in histogram.counts { writer.unsigned(count) }
    }
    writer.array(top.count)
    for entry in top {
      writer.array(2)
      writer.unsigned(entry.key)
      writer.float(entry.priority)
    }
  }

  init(fieldsFrom cursor: inout FrameCursor) throws(WireError) {
    try cursor.elements(8, "a table")
    name = try cursor.string(maxBytes: Limits.nameBytes, "a table's name")
    sampler = try cursor.string(maxBytes: Limits.labelBytes, "a table's sampler")
    try cursor.elements(4, "a table's limits")
    samplesPerInsert = try cursor.double("the samples per insert")
    minSize = try cursor.number("the least size")
    errorMin = try cursor.double("the least error")
    errorMax = try cursor.double("the largest error")
    numbers = [:]
    for _ in 0..<(try cursor.map(max: Limits.counters, "a table's numbers")) {
      let name = try cursor.string(maxBytes: Limits.nameBytes, "a number's name")
      numbers[name] = try cursor.double("a table's number")
    }
    insertsBlocked = try Inspection.Blocked(orNullFrom: &cursor)
    samplesBlocked = try Inspection.Blocked(orNullFrom: &cursor)
    histograms = []
    for _ in 0..<(try cursor.array(max: Limits.histograms, "the histograms")) {
      try cursor.elements(3, "a histogram")
      let name = try cursor.string(maxBytes: Limits.nameBytes, "a histogram's name")
      let unit = try cursor.double("a histogram's unit")
      var counts: [UInt64] = []
      for _ in 0..<(try cursor.array(max: 65, "a histogram's counts")) {
        counts.append(try cursor.number("a histogram's count"))
      }
      histograms.append(Inspection.Histogram(name: name, unit: unit, counts: counts))
    }
    top = []
    for _ in 0..<(try cursor.array(max: Limits.topItems, "the largest priorities")) {
      try cursor.elements(2, "a priority")
      let key = try cursor.number("a key")
      top.append(Inspection.Ranked(key: key, priority: Float(try cursor.double("a priority"))))
    }
  }
}

extension Inspection.Blocked {
  init?(orNullFrom cursor: inout FrameCursor) throws(WireError) {
    if cursor.nextIsNil() { return nil }
    try cursor.elements(2, "what is blocked")
    reason = try cursor.string(maxBytes: Limits.textBytes, "why it is blocked")
    seconds = try cursor.double("since when it is blocked")
  }
}
