// Checks a message's items against the steps that they name.

internal import Experience

extension ReplayStore {
  /// Resolves all items into their tables' pending columns and returns how many are stale. If it
  /// throws, nothing else has changed.
  func resolveItems(_ insertion: Insertion, writer: Int, _ ring: StepRing, newSteps: Int)
    throws(ReplayStoreError) -> Int
  {
    let tail = ring.tail(afterInserting: newSteps)
    for (table, count) in zip(tables, itemCounts) {
      table.pending.count = 0
      table.pending.reserve(count)
      table.pendingKeys.begin(count)
    }
    var stale = 0
    for block in insertion.items {
      let table = tables[block.table]
      let resolver = ItemResolver(
        ring: ring, table: table, shape: ItemShape(table.configuration.schema.kind, ring),
        insertion: insertion,
        writer: writer, tail: tail)
      stale += try resolver.resolve(block)
    }
    // Counted last: a refused message changes no counter.
    for (table, count) in zip(tables, itemCounts) {
      table.counters.stale &+= UInt64(count - table.pending.count)
    }
    return stale
  }
}

/// Resolves the items of one block.
private struct ItemResolver {
  let ring: StepRing
  let table: Table
  let shape: ItemShape
  let insertion: Insertion
  let writer: Int
  /// The tail after the message's evictions.
  let tail: UInt64

  /// Returns how many items are stale.
  func resolve(_ block: ItemBlock) throws(ReplayStoreError) -> Int {
    let before = table.pending.count
    var stream: UInt32 = 0
    var number: UInt32?
    var view: ChunkInView?
    for index in 0..<block.count {
      let item = block[index]
      // Writers send items stream by stream, so one look-up serves a run of items.
      if number == nil || item.stream != stream {
        stream = item.stream
        number = ring.streams.number(of: Stream.Key(writer: writer, stream: stream))
        view = nil
      }
      do throws(Refusal) {
        try check(item)
        if let view, item.count == shape.spans.upperBound,
          let key = view.position(firstIndex: item.firstIndex, span: item.count), key >= tail
        {
          try add(item, key)
        } else if case .at(let key, let chunk) = try locate(item, number) {
          try add(item, key)
          if shape.isPlain { view = ChunkInView(ring, chunk: chunk, insertion: insertion) }
        }
      } catch {
        throw .item(table: table.configuration.schema.name, index: index, problem: error.problem)
      }
    }
    return block.count - (table.pending.count - before)
  }

  /// The checks that need no steps.
  @inline(__always)
  private func check(_ item: Item) throws(Refusal) {
    if let priority = item.priority, !(priority >= 0 && priority.isFinite) {
      throw Refusal("expected a finite priority of at least 0, found \(priority)")
    }
    let spans = shape.spans
    if !spans.contains(item.count) {
      let least = spans.count == 1 ? "" : "\(spans.lowerBound) to "
      throw Refusal("expected a span of \(least)\(spans.upperBound) steps, found \(item.count)")
    }
  }

  /// Locates an item's steps. A stream without a record sent its steps to an earlier process that
  /// had this store: its items are stale.
  @inline(never)
  private func locate(_ item: Item, _ number: UInt32?) throws(Refusal) -> ItemLocation {
    guard let number else { return .gone }
    return try ring.locate(
      ring.streams.records[Int(number)], firstIndex: item.firstIndex, span: item.count, shape: shape,
      tail: tail, insertion: insertion)
  }

  @inline(__always)
  private func add(_ item: Item, _ key: UInt64) throws(Refusal) {
    let count = table.pending.count
    let isThere = ring.isLive(key) && table.records[ring.slot(key)].isItem
    let earlier = UnsafeBufferPointer(start: table.pending.keys, count: count)
    if isThere || !table.pendingKeys.insert(key, after: earlier) {
      throw Refusal(
        "expected one item for each first step, found another for step \(item.firstIndex) of stream \(item.stream)"
      )
    }
    table.pending.keys[count] = key
    table.pending.spans[count] = UInt16(item.count)
    table.pending.priorities[count] = item.priority ?? PendingItems.noPriority
    table.pending.count = count + 1
  }
}
