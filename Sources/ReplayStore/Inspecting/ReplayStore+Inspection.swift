// What a table holds, in histograms and item by item.

public import Experience

/// Counts of values in buckets of powers of two: bucket 0 counts 0, bucket k the values in
/// [2^(k−1), 2^k).
public struct PowerHistogram: Hashable, Sendable {
  /// Counts by bucket, without the empty buckets at the end.
  public private(set) var counts: [UInt64] = []

  public init() {}

  mutating func add(_ value: UInt64) {
    let bucket = UInt64.bitWidth - value.leadingZeroBitCount
    while counts.count <= bucket { counts.append(0) }
    counts[bucket] += 1
  }
}

/// Statistics of a table's items.
public struct TableInspection: Hashable, Sendable {
  /// An item's key and raw priority.
  public struct Ranked: Hashable, Sendable {
    /// The position of the item's first step.
    public var key: UInt64
    /// Raw, at least 0.
    public var priority: Float
  }

  /// Steps inserted since each item's first step.
  public var ages = PowerHistogram()
  /// How often each item has been sampled.
  public var timesSampled = PowerHistogram()
  /// Weights versions between each item's first step and the newest step in the ring.
  public var staleness = PowerHistogram()
  /// Raw priorities · 2^20, rounded down.
  public var priorities = PowerHistogram()
  /// The largest raw priorities in descending order; among equals the older item is first.
  public var top: [Ranked] = []

  public init() {}
}

/// One item with all its steps.
public struct ItemInspection: Hashable, Sendable {
  /// The position of its first step.
  public var key: UInt64
  /// Raw, at least 0.
  public var priority: Float
  /// Samples so far; stays at 65,535 once there.
  public var timesSampled: Int
  /// The handle of its writer.
  public var writer: Int
  /// The writer's number of the stream.
  public var stream: UInt32
  /// Index of its first step in its stream.
  public var firstIndex: UInt64
  /// Steps it spans.
  public var span: Int
  /// Version of the weights that chose its first action.
  public var weightsVersion: UInt64
  /// The fields of the schema.
  public var fields: [Field]
  /// For each field the values of its steps, one after the other.
  public var columns: [[UInt8]]
  /// The flags of each step.
  public var flags: [StepFlags]
}

extension ReplayStore {
  /// Scans a table. O(steps), about a millisecond for a million. `top` is the most items in
  /// `TableInspection.top`. Throws `schemaMissing` or `request`.
  public func inspect(table index: Int, top: Int) throws(ReplayStoreError) -> TableInspection {
    let table = try self.table(index)
    let ring = ring!
    var result = TableInspection()
    var newest: UInt64 = 0
    for number in ring.directory.front..<ring.directory.end {
      newest = max(newest, ring.directory[number].weightsVersion)
    }
    var ranking = Ranking(limit: top)
    for number in ring.directory.front..<ring.directory.end {
      let entry = ring.directory[number]
      var slot = ring.slot(entry.position)
      for position in entry.position..<entry.end {
        let record = table.records[slot]
        slot = slot + 1 == ring.capacity ? 0 : slot + 1
        guard record.isItem else { continue }
        result.ages.add(ring.head - position)
        result.timesSampled.add(UInt64(record.timesSampled))
        result.staleness.add(newest - entry.weightsVersion)
        result.priorities.add(UInt64(min(record.priority * 0x1p20, 0x1p62)))
        ranking.add(TableInspection.Ranked(key: position, priority: record.priority))
      }
    }
    result.top = ranking.sorted
    return result
  }

  /// An item of a table with its steps; nil if no item has this key. Throws `schemaMissing` or
  /// `request`.
  public func item(_ key: UInt64, table index: Int) throws(ReplayStoreError) -> ItemInspection? {
    let table = try self.table(index)
    let ring = ring!
    guard ring.isLive(key), table.records[ring.slot(key)].isItem else { return nil }
    let record = table.records[ring.slot(key)]
    let entry = ring.directory[ring.directory.number(of: ring.references[ring.slot(key)])]
    let stream = ring.streams.records[Int(entry.stream)].key
    var item = ItemInspection(
      key: key, priority: record.priority, timesSampled: Int(record.timesSampled), writer: stream.writer,
      stream: stream.stream, firstIndex: entry.firstIndex + (key - entry.position), span: Int(record.span),
      weightsVersion: entry.weightsVersion, fields: ring.schema.fields,
      columns: Array(repeating: [], count: ring.schema.fields.count), flags: [])
    var cursor = StepCursor(ring, position: key)
    for step in 0..<item.span {
      if step > 0 { cursor.advance(ring) }
      for field in item.fields.indices { item.columns[field] += ring.value(field, inSlot: cursor.slot) }
      item.flags.append(ring.flags(cursor.slot))
    }
    return item
  }

  /// The handles of the writers that have a stream in the ring.
  public var writersWithSteps: Set<Int> { ring?.streams.writers ?? [] }
}

extension StepRing {
  /// The bytes of a step's field.
  func value(_ field: Int, inSlot slot: Int) -> UnsafeRawBufferPointer {
    let bytes = layout.fields[field].byteCount
    return switch layout.places[field] {
    case .row(let offset): UnsafeRawBufferPointer(start: row(slot) + offset, count: bytes)
    case .arena(let arena): UnsafeRawBufferPointer(start: largeArenas[arena] + slot * bytes, count: bytes)
    }
  }
}

/// Keeps the items with the largest priorities.
private struct Ranking {
  let limit: Int
  private var kept: [TableInspection.Ranked] = []
  private var least: Float = -1

  init(limit: Int) {
    self.limit = limit
  }

  /// Costs one comparison if the item is not among the largest so far.
  mutating func add(_ item: TableInspection.Ranked) {
    guard limit > 0, item.priority > least else { return }
    kept.append(item)
    if kept.count >= limit * 2 { prune() }
  }

  private mutating func prune() {
    kept = sorted
    least = kept.last?.priority ?? -1
  }

  var sorted: [TableInspection.Ranked] {
    Array(kept.sorted { ($0.priority, $1.key) > ($1.priority, $0.key) }.prefix(limit))
  }
}
