// INSPECT? and INSPECTION: the content of a replay service.

public import Experience

/// `[version, 20, table or nil, largest, key or nil]`: asks a replay service for its content.
public struct InspectRequest: ValueMessage {
  /// The name of the table to show; nil for all.
  public var table: String?
  /// How many of the largest priorities to list, at most `Limits.topItems`.
  public var top: Int
  /// The key of an item to show, from `table` or the first table; nil for none.
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
    table = try cursor.readNil() ? nil : cursor.string(maxBytes: Limits.nameBytes, "the table")
    top = try cursor.count(max: Limits.topItems, "the number of largest priorities")
    key = try cursor.readNil() ? nil : cursor.number("the key")
    try cursor.close()
  }
}

/// `[version, 21, incarnation, [capacity, steps, head, chunks, streams], [storage, problem or nil],
/// tables, writers in all, writers, item or nil]`: the answer to INSPECT?.
public struct Inspection: ValueMessage {
  /// The steps that the shard holds.
  public struct Ring: Hashable, Sendable {
    /// The most steps that it holds.
    public var capacity: UInt64
    /// Steps held now.
    public var steps: UInt64
    /// Steps inserted since the store was made; the next step's position.
    public var head: UInt64
    /// Chunks held now.
    public var chunks: UInt64
    /// Streams that the service knows.
    public var streams: UInt64

    public init(capacity: UInt64, steps: UInt64, head: UInt64, chunks: UInt64, streams: UInt64) {
      self.capacity = capacity
      self.steps = steps
      self.head = head
      self.chunks = chunks
      self.streams = streams
    }
  }

  /// What blocks inserts or samples.
  public struct Blocked: Hashable, Sendable {
    /// The inequality that does not hold, with its figures.
    public var reason: String
    /// For how long, in seconds.
    public var seconds: Double

    public init(reason: String, seconds: Double) {
      self.reason = reason
      self.seconds = seconds
    }
  }

  /// `[name, sampler, [samples per insert, least size, least error, largest error], numbers,
  /// inserts blocked or nil, samples blocked or nil, histograms, largest, staleness or nil]`: the
  /// state of one table. `numbers` is a map, blocked is `[reason, seconds]`, a histogram
  /// `[name, unit, counts]`, and each of the largest `[key, priority]`.
  public struct Table: Hashable, Sendable {
    /// The table's name.
    public var name: String
    /// The sampler with its parameters, in words.
    public var sampler: String
    /// The rate limiter's target: samples for each insert.
    public var samplesPerInsert: Double
    /// Items that the table must have before the first sample.
    public var minSize: UInt64
    /// The least error that a sample may leave; −∞ for no bound.
    public var errorMin: Double
    /// The largest error that an insert may leave; ∞ for no bound.
    public var errorMax: Double
    /// `size`, `mass`, `priority_max`, `error` and the table's counters, by name.
    public var numbers: [String: Double]
    /// nil if inserts are not blocked.
    public var insertsBlocked: Blocked?
    /// nil if samples are not blocked.
    public var samplesBlocked: Blocked?
    /// Of the items' ages in steps, times sampled, staleness in versions, and priorities.
    public var histograms: [Histogram]
    /// The largest priorities, the largest first; as many as were asked for.
    public var top: [Ranked]
    /// nil without a bound on staleness.
    public var staleness: Staleness?

    public init(
      name: String, sampler: String, samplesPerInsert: Double, minSize: UInt64, errorMin: Double,
      errorMax: Double,
      numbers: [String: Double], insertsBlocked: Blocked?, samplesBlocked: Blocked?, histograms: [Histogram],
      top: [Ranked], staleness: Staleness? = nil
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
      self.staleness = staleness
    }
  }

  /// `[bound, kept by, trained or nil, actors waiting, longest wait, actors, outdated]`: a table's
  /// bound on staleness and what it does. Each of the outdated is `[label, items]`.
  public struct Staleness: Hashable, Sendable {
    /// η, in versions.
    public var max: UInt64
    /// `pace`, `drop` or `correct`.
    public var keeping: String
    /// Of what the learners that are there have trained on; nil if there are none.
    public var trained: TrainedStaleness?
    /// Actors that wait for leave to act.
    public var waitingTotal: UInt64
    /// How long the first of them has waited, in seconds; 0 if none waits.
    public var waiting_s: Double
    /// Labels of those that have waited longest, at most `Limits.writersShown`.
    public var waiting: [String]
    /// Items that were removed because they were too old, by the actor's label: the largest
    /// numbers, at most `Limits.writersShown`.
    public var outdated: [Outdated]

    public init(
      max: UInt64, keeping: String, trained: TrainedStaleness?, waitingTotal: UInt64 = 0,
      waiting_s: Double = 0,
      waiting: [String] = [], outdated: [Outdated] = []
    ) {
      self.max = max
      self.keeping = keeping
      self.trained = trained
      self.waitingTotal = waitingTotal
      self.waiting_s = waiting_s
      self.waiting = waiting
      self.outdated = outdated
    }
  }

  /// Items of one actor that were too old.
  public struct Outdated: Hashable, Sendable {
    /// The actor's label.
    public var label: String
    /// How many.
    public var items: UInt64

    public init(label: String, items: UInt64) {
      self.label = label
      self.items = items
    }
  }

  /// Counts in buckets of powers of two. Bucket 0 counts values below the unit; bucket k counts
  /// those in [2^(k−1), 2^k) units.
  public struct Histogram: Hashable, Sendable {
    /// The quantity that is counted.
    public var name: String
    /// The upper edge of bucket 0.
    public var unit: Double
    /// One count for each bucket, at most 65.
    public var counts: [UInt64]

    public init(name: String, unit: Double = 1, counts: [UInt64]) {
      self.name = name
      self.unit = unit
      self.counts = counts
    }
  }

  /// One of a table's largest priorities.
  public struct Ranked: Hashable, Sendable {
    /// The position of the item's first step.
    public var key: UInt64
    /// As written, before the exponent.
    public var priority: Float

    public init(key: UInt64, priority: Float) {
      self.key = key
      self.priority = priority
    }
  }

  /// `[label, number, committed sequence, messages waiting, seconds since it was heard]`: one
  /// writer.
  public struct Writer: Hashable, Sendable {
    /// The actor's label.
    public var label: String
    /// The service's own number for the writer. Its `id` is left out: who knows it can speak as the
    /// writer.
    public var number: UInt64
    /// The sequence number of its last committed message; 0 for none.
    public var committed: UInt64
    /// Messages that wait for the rate limiter.
    public var waiting: UInt64
    /// Seconds since its last message.
    public var age_s: Double

    public init(label: String, number: UInt64, committed: UInt64, waiting: UInt64, age_s: Double) {
      self.label = label
      self.number = number
      self.committed = committed
      self.waiting = waiting
      self.age_s = age_s
    }
  }

  /// The service's incarnation.
  public var incarnation: Identifier
  /// The steps that the shard holds.
  public var ring: Ring
  /// `memory`, or `file` and its folder.
  public var storage: String
  /// Why the storage refuses inserts; nil if it does not.
  public var storageProblem: String?
  /// The tables that were asked for.
  public var tables: [Table]
  /// How many writers there are; `writers` lists at most `Limits.writersShown`.
  public var writersTotal: UInt64
  /// The listed writers.
  public var writers: [Writer]
  /// nil if no item was asked for, or none has the key.
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
