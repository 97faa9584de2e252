// Messages in.

public import Experience

extension ReplayStore {
  /// Whether the limiters admit a message with `items[t]` items for table t.
  public func canInsert(items: [Int]) -> Bool {
    reasonInsertBlocked(items: items) == nil
  }

  /// Which table's limiter holds back a message with `items[t]` items for table t, and by which inequality; nil if none.
  public func reasonInsertBlocked(items: [Int]) -> String? {
    for (table, count) in zip(tables, items) {
      if let reason = table.limiter.reasonInsertBlocked(count, size: table.size) {
        return "table '\(table.configuration.schema.name)': \(reason)"
      }
    }
    return nil
  }

  /// Appends a message's chunks and inserts its items: all or nothing. Steps are evicted, oldest chunks first, to make
  /// room. Items whose first step is gone, or goes by this message, are skipped and counted.
  ///
  /// `writer` is the handle of a writer's life; (writer, stream) names a stream. O(steps + items · log capacity).
  /// Throws `message`, `chunk` or `item` with what was expected and found; `blocked` if a limiter does not admit it (ask
  /// `canInsert(items:)` first).
  public func insert(_ insertion: Insertion, writer: Int) throws(ReplayStoreError) -> InsertSummary {
    guard let ring else { throw .schemaMissing }
    try countItems(insertion)
    if let reason = reasonInsertBlocked(items: itemCounts) { throw .blocked(reason) }
    try ring.stage(insertion, writer: writer)
    var summary = InsertSummary()
    summary.steps = ring.stagedStepCount
    do {
      summary.itemsStale = try resolveItems(insertion, writer: writer, ring, newSteps: summary.steps)
    } catch {
      ring.rollback()
      throw error
    }
    makeRoom(for: summary.steps, ring, &summary)
    ring.commit(insertion)
    for table in tables {
      summary.items += table.pending.count
      summary.itemsRemoved += table.insertPending(ring)
    }
    return summary
  }

  /// Counts the items for each table and checks the blocks' sizes.
  private func countItems(_ insertion: Insertion) throws(ReplayStoreError) {
    for table in itemCounts.indices { itemCounts[table] = 0 }
    for block in insertion.items {
      guard tables.indices.contains(block.table) else {
        throw .message("items: expected a table of 0 to \(tables.count - 1), found \(block.table)")
      }
      // As columns: a count beyond them is refused before it is multiplied.
      let (bytes, overflow) = block.count.multipliedReportingOverflow(by: 8)
      guard block.count >= 0, !overflow, block.firstIndices.count == bytes,
        block.streams.count == bytes / 2, block.spans.count == bytes / 2,
        block.priorities == nil || block.priorities!.count == bytes / 2
      else {
        throw .message("items: expected columns of \(block.count) rows, found others")
      }
      itemCounts[block.table] += block.count
    }
    for (table, count) in zip(tables, itemCounts) {
      let most = table.configuration.itemsPerMessageMax
      if count > most, table.configuration.limiter.isBounded {
        throw .message(
          "table '\(table.configuration.schema.name)': expected at most \(most) items, found \(count)")
      }
    }
  }

  private func makeRoom(for steps: Int, _ ring: StepRing, _ summary: inout InsertSummary) {
    while ring.count + steps > ring.capacity {
      let entry = ring.directory[ring.directory.front]
      let count = Int(entry.count)
      let slot = ring.slot(entry.position)
      let untilEnd = min(count, ring.capacity - slot)
      for table in tables {
        summary.itemsEvicted += table.evict(slot..<slot + untilEnd)
        if untilEnd < count { summary.itemsEvicted += table.evict(0..<count - untilEnd) }
      }
      summary.stepsEvicted += count
      ring.evictOldest()
    }
  }
}
