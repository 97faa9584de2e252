// Checks the items of a message against the steps they name.

internal import Experience

extension ReplayStore {
  /// Resolves all items into their tables' pending columns; returns how many are stale. Nothing else has changed if it
  /// throws.
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
    // Counted only now: a refused message leaves no trace.
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
  /// The tail there will be.
  let tail: UInt64

  /// Returns how many items are stale.
  func resolve(_ block: ItemBlock) throws(ReplayStoreError) -> Int {
    let before = table.pending.count
    var count = before
    var stream: UInt32 = 0
    var number: UInt32?
    for index in 0..<block.count {
      let item = block[index]
      // Writers send items stream by stream: one look-up for each run.
      if number == nil || item.stream != stream {
        stream = item.stream
        number = ring.streams.number(of: Stream.Key(writer: writer, stream: stream))
      }
      do throws(Refusal) {
        if let key = try resolve(item, number.map { UnsafePointer(ring.streams.records + Int($0)) }) {
          table.pending.keys[count] = key
          table.pending.spans[count] = UInt16(item.count)
          table.pending.priorities[count] = item.priority ?? PendingItems.noPriority
          count += 1
        }
      } catch {
        throw .item(table: table.configuration.schema.name, index: index, problem: error.problem)
      }
    }
    table.pending.count = count
    return block.count - (count - before)
  }

  /// The key of an item, or nil if it is stale. A stream that has no record sent its steps to an earlier life of the store.
  @inline(__always)
  private func resolve(_ item: Item, _ record: UnsafePointer<Stream>?) throws(Refusal) -> UInt64? {
    if let priority = item.priority, !(priority >= 0 && priority.isFinite) {
      throw Refusal("expected a finite priority of at least 0, found \(priority)")
    }
    let spans = shape.spans
    if !spans.contains(item.count) {
      let least = spans.count == 1 ? "" : "\(spans.lowerBound) to "
      throw Refusal("expected a span of \(least)\(spans.upperBound) steps, found \(item.count)")
    }
    guard let record else { return nil }
    let place = try ring.place(
      record.pointee, firstIndex: item.firstIndex, span: item.count, shape: shape, tail: tail,
      insertion: insertion)
    switch place {
    case .gone: return nil
    case .at(let key):
      let isThere = ring.isLive(key) && table.records[ring.slot(key)].isItem
      if isThere || !table.pendingKeys.insert(key) {
        throw Refusal(
          "expected one item for each first step, found another for step \(item.firstIndex) of stream \(item.stream)"
        )
      }
      return key
    }
  }
}
