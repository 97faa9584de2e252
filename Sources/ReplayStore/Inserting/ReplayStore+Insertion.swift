// Inserts messages.

public import Experience

extension ReplayStore {
  /// Whether a message with `items[t]` items for table t and `steps` steps would be admitted.
  public func canInsert(items: [Int], steps: Int = 0) -> Bool {
    insertBlock(items: items, steps: steps) == nil
  }

  /// The table that holds back a message with `items[t]` items for table t and `steps` steps, and
  /// the reason; nil if none does. The reason is the limiter's inequality, or that a queue
  /// would lose unread items.
  public func reasonInsertBlocked(items: [Int], steps: Int = 0) -> String? {
    insertBlock(items: items, steps: steps)?.reason
  }

  private func insertBlock(items: [Int], steps: Int) -> (table: Int, reason: String)? {
    for (index, table) in tables.enumerated() where index < items.count {
      if let reason = table.reasonLimited(items[index])
        ?? table.reasonFull(items[index]) ?? ring.flatMap({ table.reasonUnread(inserting: steps, $0) })
      {
        return (index, "table '\(table.configuration.schema.name)': \(reason)")
      }
    }
    return nil
  }

  /// Appends a message's chunks and inserts its items, all or nothing. The oldest chunks are
  /// evicted to make room. An item is skipped and counted as stale if its first step, or a frame
  /// that its stack needs, has been evicted or is evicted by this message.
  ///
  /// `writer` is the writer's handle; (writer, stream) identifies a stream. `sequence` is the
  /// message's number; a process that resumes this store knows it as committed. O(steps + items ·
  /// log capacity).
  ///
  /// Throws `message`, `chunk` or `item` with what was expected and found; `blocked` if a table
  /// does not admit it (ask `canInsert(items:steps:)` first); `storage` if the disk is full.
  public func insert(_ insertion: Insertion, writer: Int, sequence: UInt64 = 0) throws(ReplayStoreError)
    -> InsertSummary
  {
    guard ring != nil else { throw .schemaMissing }
    try countItems(insertion)
    if let block = insertBlock(items: itemCounts, steps: stepsThatMayEvict(insertion)) {
      throw .blocked(table: block.table, reason: block.reason)
    }
    return try insertCounted(insertion, writer: writer, sequence: sequence, isRestored: false)
  }

  /// Inserts a message whose items have been counted. A restored message leaves the limiters'
  /// errors unchanged.
  func insertCounted(_ insertion: Insertion, writer: Int, sequence: UInt64, isRestored: Bool)
    throws(ReplayStoreError) -> InsertSummary
  {
    guard let ring else { throw .schemaMissing }
    if let folder = ring.folder { try reserve(insertion, ring, folder) }
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
    ring.folder?.stageReached?(.evicted)
    if let folder = ring.folder { journal(ring, folder) }
    ring.folder?.stageReached?(.journaled)
    ring.commit(insertion, writer: writer, sequence: sequence)
    ring.folder?.stageReached?(.stepsWritten)
    if digest != nil { digestSteps(of: insertion, ring) }
    usage?.add(summary.steps, of: writer)
    for table in tables {
      let items = table.pending.count
      summary.items += items
      summary.itemsRemoved += table.insertPending(ring, isRestored: isRestored)
      if digest != nil { digestItems(of: table, count: items) }
      ring.folder?.stageReached?(.tableInserted)
    }
    if let folder = ring.folder { commit(ring, folder, writer: writer, sequence: sequence) }
    return summary
  }

  private func digestSteps(of insertion: Insertion, _ ring: StepRing) {
    var position = ring.head - UInt64(insertion.stepCount)
    for chunk in insertion.chunks.indices {
      digest?.add(insertion, chunk: chunk, at: position)
      position += UInt64(insertion.chunks[chunk].count)
    }
  }

  /// The items that a table has just taken out of its pending columns, which still hold them.
  private func digestItems(of table: Table, count: Int) {
    for item in 0..<count {
      digest?.add(
        table: table.number, position: table.pending.keys[item], span: Int(table.pending.spans[item]),
        priority: table.pending.priorities[item])
    }
  }

  /// Commits a message that has been written.
  private func commit(_ ring: StepRing, _ folder: StoreFolder, writer: Int, sequence: UInt64) {
    folder.stageReached?(.itemsWritten)
    folder.header.commit(
      StoreHeader.Commit(head: ring.head, end: ring.directory.end, writer: UInt64(writer), sequence: sequence)
    )
    folder.stageReached?(.committed)
    folder.writers.commit(writer, sequence)
    for table in tables { table.saveMark() }
    folder.stageReached?(.marked)
  }

  /// Reserves disk space for a message before any of it is written.
  private func reserve(_ insertion: Insertion, _ ring: StepRing, _ folder: StoreFolder)
    throws(ReplayStoreError)
  {
    // A message that is refused later may be larger than the store.
    let steps = min(insertion.stepCount, ring.capacity)
    try folder.reserve(slots: min(ring.capacity, ring.headSlot + steps + ring.capacity - ring.room))
    try folder.reserve(
      chunks: min(insertion.chunks.count, ring.capacity),
      // Each item may need three entries: itself, one that the remover removes to make room, and
      // itself once more if it is removed at once.
      entries: min(insertion.itemCount, ring.capacity * tables.count) * 3,
      front: ring.directory.front, end: ring.directory.end)
  }

  /// Journals the pending items that lie on steps of earlier messages. `makeRoom` journals those
  /// that it removes.
  private func journal(_ ring: StepRing, _ folder: StoreFolder) {
    folder.journal.begin(generation: folder.header.generation &+ 1)
    for (number, table) in tables.enumerated() {
      for index in 0..<table.pending.count where table.pending.keys[index] < ring.head {
        folder.journal.add(table: number, slot: ring.slot(table.pending.keys[index]), before: .none)
      }
    }
    folder.journal.seal()
  }

  /// The message's steps if any table is a queue, else 0. Capped at the ring's room: a larger
  /// message is refused anyway.
  private func stepsThatMayEvict(_ insertion: Insertion) -> Int {
    guard keepsUnread, let room = ring?.room else { return 0 }
    var steps = 0
    for chunk in insertion.chunks { steps = min(steps + max(0, min(chunk.count, room)), room) }
    return steps
  }

  /// Counts the items for each table and checks the sizes of the blocks' columns.
  func countItems(_ insertion: Insertion) throws(ReplayStoreError) {
    for table in itemCounts.indices { itemCounts[table] = 0 }
    for block in insertion.items {
      guard tables.indices.contains(block.table) else {
        throw .message("items: expected a table of 0 to \(tables.count - 1), found \(block.table)")
      }
      // The columns bound the count before it is multiplied.
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
      if count > most, table.limiter.configuration.isBounded || table.configuration.isQueue {
        throw .message(
          "table '\(table.configuration.schema.name)': expected at most \(most) items in a message, found \(count)"
        )
      }
    }
  }

  private func makeRoom(for steps: Int, _ ring: StepRing, _ summary: inout InsertSummary) {
    while ring.count + steps > ring.room {
      let entry = ring.directory[ring.directory.front]
      let count = Int(entry.count)
      let slot = ring.slot(entry.position)
      let untilEnd = min(count, ring.capacity - slot)
      snapshot?.willEvict(ring.directory.front)
      ring.announceEviction()
      ring.folder?.stageReached?(.announced)
      for table in tables {
        summary.itemsEvicted += table.evict(slot..<slot + untilEnd)
        if untilEnd < count { summary.itemsEvicted += table.evict(0..<count - untilEnd) }
        ring.folder?.stageReached?(.tableEvicted)
      }
      if ring.layout.history > 0 {
        ring.forEachLosingFrame { slot in
          for table in tables {
            summary.itemsEvicted += table.evict(slot..<slot + 1)
            ring.folder?.stageReached?(.framesLost)
          }
        }
      }
      summary.stepsEvicted += count
      usage?.add(-count, of: ring.writer(ofChunk: ring.directory.front))
      ring.evictOldest()
    }
  }
}
