// The store's rules, written as simply as possible.

import Experience

@testable import ReplayStore

/// A model of a store: dictionaries and scans.
struct NaiveStore {
  struct Step {
    var position: UInt64
    var flags: UInt8
    var reward: Float
    var version: UInt64
    /// Two steps of one stream are connected without a cut if their numbers here are equal.
    var segment: Int
  }
  struct Stream {
    var steps: [UInt64: Step] = [:]
    var next: UInt64
    var segment = 0
  }
  struct Key: Hashable {
    var writer: Int
    var stream: UInt32
  }
  struct ItemState {
    var priority: Float
    var span: Int
    var start: Key
    var first: UInt64
    var times = 0
  }
  struct Table {
    var kind: TableKind
    /// Steps of a full item, and the fewest of an item that ends with its episode.
    var spanMax: Int
    var spanMin: Int
    var itemsMax: Int?
    var remover: SelectorKind
    var timesMax: Int
    var items: [UInt64: ItemState] = [:]
    var priorityMax: Float = 1
    var stale = 0
    /// The items of the last insertion, with those that the remover removed.
    var untrimmed: [UInt64: ItemState]?

    /// Makes room among the old items, then among all; returns how many it removed.
    mutating func trim(before: [UInt64: ItemState]) -> Int {
      guard let itemsMax else { return 0 }
      untrimmed = items
      let excess = max(0, items.count - itemsMax)
      var old = before
      for _ in 0..<min(excess, before.count) { items[removeOne(from: &old)] = nil }
      for _ in 0..<excess - min(excess, before.count) {
        var left = items
        items[removeOne(from: &left)] = nil
      }
      return excess
    }

    private func removeOne(from items: inout [UInt64: ItemState]) -> UInt64 {
      let keys = items.keys.sorted()
      let key =
        switch remover {
        case .fifo, .uniform, .prioritized, .rank: keys[0]
        case .lifo: keys[keys.count - 1]
        case .minHeap: keys.min { (items[$0]!.priority, $0) < (items[$1]!.priority, $1) }!
        case .maxHeap: keys.min { (-items[$0]!.priority, $0) < (-items[$1]!.priority, $1) }!
        }
      items[key] = nil
      return key
    }
  }

  let capacity: Int
  var tables: [Table]
  var streams: [Key: Stream] = [:]
  var chunks: [(position: UInt64, count: Int)] = []
  var head: UInt64 = 0
  var tail: UInt64 = 0
  /// The tail before the message that is being inserted.
  var tailBefore: UInt64 = 0

  /// The most frames before a step that any of its stacks needs.
  let history: Int

  init(capacity: Int, tables: [TableConfiguration], schema: StepSchema = Message.schema) {
    self.capacity = capacity
    self.tables = tables.map { table in
      let (most, least) =
        switch table.schema.kind {
        case .transition(let nStep, _): (nStep + 1, 2)
        case .sequence(let length, _, .cross): (length, length)
        case .sequence(let length, _, .pad): (length, 1)
        case .record: (1, 1)
        }
      return Table(
        kind: table.schema.kind, spanMax: most, spanMin: least, itemsMax: table.itemsMax,
        remover: table.remover, timesMax: table.timesSampledMax)
    }
    history = (schema.fields.map(\.stack).max() ?? 1) - 1
  }

  /// The effect of a message; nil, and no change, if it is refused.
  mutating func insert(_ message: Message, writer: Int) -> InsertSummary? {
    var after = self
    after.tailBefore = tail
    var summary = InsertSummary()
    for chunk in message.chunks {
      guard after.append(chunk, writer) else { return nil }
      summary.steps += chunk.flags.count
    }
    if summary.steps > capacity { return nil }
    while Int(after.head - after.tail) > capacity {
      summary.stepsEvicted += after.chunks[0].count
      after.tail += UInt64(after.chunks.removeFirst().count)
    }
    for table in after.tables.indices {
      let before = after.tables[table].items.count
      after.tables[table].items = after.tables[table].items.filter { [after] key, item in
        key >= after.tail && after.hasFrames(item.start, item.first)
      }
      summary.itemsEvicted += before - after.tables[table].items.count
    }
    for item in message.items {
      switch after.add(item, writer) {
      case .some(true): summary.items += 1
      case .some(false): summary.itemsStale += 1
      case nil: return nil
      }
    }
    for table in after.tables.indices {
      summary.itemsRemoved += after.tables[table].trim(before: before(table, after))
    }
    self = after
    return summary

    /// The earlier items that are not evicted.
    func before(_ table: Int, _ after: NaiveStore) -> [UInt64: ItemState] {
      tables[table].items.filter { after.tables[table].items[$0.key] != nil }
    }
  }

  /// The choice of a random remover cannot be predicted: adopts the store's items if their number
  /// is right and all were items.
  mutating func adopt(_ keys: [UInt64], before: [UInt64: ItemState], table: Int) -> String? {
    guard !tables[table].remover.isDeterministic, let all = tables[table].untrimmed else { return nil }
    defer { tables[table].untrimmed = nil }
    let left = all.filter { keys.contains($0.key) }
    guard left.count == keys.count else { return "items that are none are left" }
    guard keys.count == tables[table].items.count else {
      return "\(keys.count) items are left, not \(tables[table].items.count)"
    }
    let new = all.filter { before[$0.key] == nil }
    if new.count <= tables[table].itemsMax ?? .max, !new.keys.allSatisfy(keys.contains) {
      return "an item went by its own message"
    }
    tables[table].items = left
    return nil
  }

  private mutating func append(_ chunk: Message.ChunkSpec, _ writer: Int) -> Bool {
    let key = Key(writer: writer, stream: chunk.stream)
    var stream = streams[key] ?? Stream(next: chunk.first)
    if chunk.flags.isEmpty || chunk.first < stream.next { return false }
    if chunk.first > stream.next, !chunk.isCut, chunk.flags[0] & 1 == 0 { return false }
    if chunk.isCut || chunk.first > stream.next { stream.segment += 1 }
    for (row, flags) in chunk.flags.enumerated() {
      let index = chunk.first + UInt64(row)
      if flags > 7 || flags & 6 == 4 { return false }
      if let last = stream.steps[index &- 1], last.segment == stream.segment, last.flags & 2 != 0,
        flags & 1 == 0
      {
        return false
      }
      stream.steps[index] = Step(
        position: head, flags: flags, reward: chunk.rewards[row], version: chunk.version,
        segment: stream.segment)
      head += 1
      stream.next = index + 1
    }
    streams[key] = stream
    chunks.append((head - UInt64(chunk.flags.count), chunk.flags.count))
    return true
  }

  /// Whether the item is inserted (false: stale); nil if it is refused.
  mutating func add(_ item: Message.ItemSpec, _ writer: Int) -> Bool? {
    let key = Key(writer: writer, stream: item.stream)
    let table = tables[item.table]
    if let priority = item.priority, !(priority >= 0 && priority.isFinite) { return nil }
    guard item.span >= table.spanMin, item.span <= table.spanMax else { return nil }
    guard let stream = streams[key] else { return false }
    guard item.first + UInt64(item.span) <= stream.next else { return nil }
    guard let first = stream.steps[item.first] else {
      // A gap. Before the oldest live step it cannot be told from evicted steps.
      return stream.steps.contains { $0.key < item.first && $0.value.position >= tailBefore } ? nil : false
    }
    if first.position < tail { return false }
    for offset in 0..<UInt64(item.span) {
      guard let step = stream.steps[item.first + offset], step.segment == first.segment else { return nil }
      let isEnd = offset == UInt64(item.span) - 1
      if case .sequence(_, _, .cross) = table.kind { continue }
      if offset > 0, step.flags & 1 != 0 { return nil }
      if !isEnd, step.flags & 2 != 0 { return nil }
      if isEnd, item.span < table.spanMax, step.flags & 2 == 0 { return nil }
    }
    if !hasFrames(key, item.first) { return false }
    if table.items[first.position] != nil { return nil }
    let priority = item.priority ?? table.priorityMax
    tables[item.table].priorityMax = max(table.priorityMax, priority)
    tables[item.table].items[first.position] = ItemState(
      priority: priority, span: Int(item.span), start: key, first: item.first)
    return true
  }

  /// Whether all frames of a step's stack are live.
  private func hasFrames(_ key: Key, _ index: UInt64) -> Bool {
    guard let stream = streams[key] else { return false }
    var index = index
    for _ in 0..<history {
      let step = stream.steps[index]!
      if step.flags & 1 != 0 { return true }
      guard let previous = stream.steps[index &- 1], previous.segment == step.segment,
        previous.position >= tail
      else { return false }
      index -= 1
    }
    return true
  }

  /// A resumed store has forgotten the streams that have no steps left.
  mutating func forgetDeadStreams() {
    streams = streams.filter { _, stream in stream.steps.values.contains { $0.position >= tail } }
  }

  mutating func didSample(_ key: UInt64, table: Int) {
    tables[table].items[key]!.times += 1
    if tables[table].items[key]!.times == tables[table].timesMax { tables[table].items[key] = nil }
  }

  mutating func update(_ key: UInt64, _ priority: Float, table: Int) -> Bool {
    guard tables[table].items[key] != nil else { return false }
    tables[table].items[key]!.priority = priority
    tables[table].priorityMax = max(tables[table].priorityMax, priority)
    return true
  }
}
