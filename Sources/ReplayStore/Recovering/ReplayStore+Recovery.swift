// Resumes a store from what another process left.

internal import Experience
internal import Foundations

/// What a store found in its folder or in a snapshot.
public struct RecoverySummary: Hashable, Sendable {
  /// Steps that the store holds after recovery.
  public var steps = 0
  /// Chunks of those steps.
  public var chunks = 0
  /// Items in all tables.
  public var items = 0
  /// Steps that fail their checksum, so far as they have been verified, or that are older than a
  /// damaged record.
  public var stepsDropped = 0
  /// Items that need dropped steps, name steps that are not there, or have a priority above the
  /// largest that their table had.
  public var itemsDropped = 0
  /// Steps that are still to be verified.
  public var stepsInDoubt = 0
  /// Files that are shorter than what was written to them: which, and by how much.
  public var damagedFiles: [String] = []
  /// Whether the header's page was empty although there are steps. Then the folder's content is
  /// dropped, however much it was.
  public var hasLostHeader = false
  /// Writers that may send again, with their last committed sequences.
  public var writers: [KnownWriter] = []

  public init() {}

  var isDamaged: Bool { hasLostHeader || !damagedFiles.isEmpty || stepsDropped + itemsDropped > 0 }
}

extension ReplayStore {
  /// Steps between two calls of `progress`.
  static let progressEvery = 1 << 20

  /// Resumes from a folder: chunks in order, then their streams, then the tables. `progress`
  /// receives the steps done and the total. O(capacity).
  func recover(_ folder: StoreFolder, _ ring: StepRing, progress: (Int, Int) -> Void)
    throws(ReplayStoreError) -> RecoverySummary
  {
    var summary = RecoverySummary()
    folder.findShortFiles()
    let header = folder.header
    let commit = header.committed
    try undoUncommitted(folder)
    // The commit takes effect with its generation, so the writer's mark may be one message behind.
    if let writer = folder.writers.all.first(where: { UInt64($0.handle) == commit.writer }),
      writer.committed < commit.sequence
    {
      folder.writers.commit(writer.handle, commit.sequence)
    }
    summary.writers = folder.writers.all
    let open = Set(summary.writers.map(\.handle))
    let front = firstUsable(folder, commit, &summary)
    ring.directory.start(at: front)
    ring.start(at: front < commit.end ? folder.chunks[front].position : commit.head)
    header.front = front
    let total = Int(commit.head - ring.head)
    var nextProgress = Self.progressEvery
    for number in front..<commit.end {
      ring.adopt(folder.chunks[number], isOpen: open.contains)
      if ring.count >= nextProgress {
        progress(ring.count, total)
        nextProgress += Self.progressEvery
      }
    }
    ring.stagedFrom = ring.directory.end
    ring.streams.finishRecovery()
    for (index, table) in tables.enumerated() {
      let mark = header.table(index).pointee
      table.resume(from: mark)
      let isBounded = mark.priorityMax > 0 && mark.priorityMax.isFinite
      summary.itemsDropped += table.adoptItems(
        ring, touchable: folder.touchableSlots,
        priorityMax: isBounded ? mark.priorityMax : .greatestFiniteMagnitude)
      table.raise(to: table.priorityMax)
    }
    return summary
  }

  /// Undoes what a message that was not committed has done to items.
  private func undoUncommitted(_ folder: StoreFolder) throws(ReplayStoreError) {
    func undo(_ entry: ItemJournal.Entry) {
      let (table, slot) = (Int(entry.table), Int(entry.slot))
      guard tables.indices.contains(table), slot < folder.touchableSlots else { return }
      tables[table].records[slot] = entry.before
    }
    let generation = folder.header.generation &+ 1
    folder.journal.undo(generation: generation, undo)
    try ItemJournal.undo(
      inFolder: folder.path, itemsMax: configuration.capacity * tables.count, generation: generation, undo
    )
  }

  /// Verifies recovered steps: the newest of streams that may continue, then the oldest, about
  /// `bytes` of them.
  func verifyRecovered(_ ring: StepRing, bytes: Int) {
    unverified = UnverifiedChunks(ring.directory.front..<ring.directory.end, steps: ring.count)
    verifyNewest(ring)
    verify(bytes: bytes)
  }

  /// Completes a summary after verification, and counts its losses in `damage`.
  func summary(_ before: RecoverySummary, _ folder: StoreFolder) -> RecoverySummary {
    var summary = before
    damage.steps += before.stepsDropped
    damage.items += before.itemsDropped
    summary.stepsDropped = damage.steps
    summary.itemsDropped = damage.items
    summary.hasLostHeader = folder.hasLostHeader
    summary.damagedFiles = folder.damagedFiles
    summary.stepsInDoubt = stepsInDoubt
    summary.chunks = ring?.directory.count ?? 0
    summary.steps = ring?.count ?? 0
    summary.items = tables.reduce(0) { $0 + $1.size }
    return summary
  }

  /// The oldest chunk from which on all records are whole and adjacent.
  func firstUsable(
    _ folder: StoreFolder, _ commit: StoreHeader.Commit, _ summary: inout RecoverySummary
  ) -> UInt64 {
    let front = min(folder.header.front, commit.end)
    var end = commit.head
    var number = commit.end
    while number > front, Int(commit.end - number) < 1 << folder.chunks.bits,
      folder.chunks.isReserved(number - 1)
    {
      let record = folder.chunks[number - 1]
      guard record.recordChecksum == record.expectedRecordChecksum, record.count > 0,
        record.position < end, end - record.position == UInt64(record.count),
        commit.head - record.position <= UInt64(configuration.capacity),
        max(record.firstIndex, record.weightsVersion) <= StoreHeader.numberMax,
        slotsAreTouchable(record, folder)
      else { break }
      end = record.position
      number -= 1
    }
    if number > front {
      // A broken record does not say how many steps it stood for, so older chunks cannot be
      // located.
      summary.stepsDropped +=
        folder.chunks.isReserved(front) && folder.chunks[front].position < end
        ? Int(min(end - folder.chunks[front].position, UInt64(configuration.capacity))) : 1
    }
    return number
  }

  private func slotsAreTouchable(_ record: ChunkRecord, _ folder: StoreFolder) -> Bool {
    let slot = Int(record.position % UInt64(configuration.capacity))
    let last = slot + Int(record.count)
    return min(last, configuration.capacity) <= folder.touchableSlots
  }
}

extension StepRing {
  /// Enters a chunk whose steps already lie at the head.
  func adopt(_ record: ChunkRecord, isOpen: (Int) -> Bool) {
    let count = Int(record.count)
    let writer = Int(truncatingIfNeeded: record.writer)
    let key = Stream.Key(writer: writer, stream: record.stream)
    let number =
      streams.number(of: key)
      ?? streams.recover(key, firstIndex: record.firstIndex, isOpen: isOpen(writer))
    let stream = streams.records + Int(number)
    let previous: UInt64? =
      record.flags & ChunkRecord.isCut == 0 && record.firstIndex == stream.pointee.nextIndex
        && stream.pointee.chunks.count > 0
      ? directory.number(of: stream.pointee.chunks[stream.pointee.chunks.count - 1]) : nil
    if let previous { directory[previous].next = directory.end }
    let reference = UInt32(truncatingIfNeeded: directory.end)
    stream.pointee.chunks.append(reference)
    directory.append(
      ChunkEntry(
        position: head, firstIndex: record.firstIndex, weightsVersion: record.weightsVersion,
        next: ChunkEntry.none, previous: previous ?? ChunkEntry.none, stream: number, count: record.count))
    let untilEnd = min(count, capacity - headSlot)
    (references + headSlot).update(repeating: reference, count: untilEnd)
    references.update(repeating: reference, count: count - untilEnd)
    advanceHead(by: count)
    stream.pointee.nextIndex = record.firstIndex &+ UInt64(count)
    stream.pointee.lastFlags = flags((headSlot + capacity - 1) % capacity)
  }
}

extension Table {
  /// Adopts the items of live steps and clears the records of all other slots. Returns how many
  /// items were dropped because their steps are missing, or their priority is above the largest
  /// that the table had. O(slots on the disk).
  func adoptItems(_ ring: StepRing, touchable: Int, priorityMax most: Float) -> Int {
    var dropped = 0
    var slots: [UInt32] = []
    func flush() {
      self.slots.insert(slots, count: slots.count)
      slots.removeAll(keepingCapacity: true)
    }
    for slot in 0..<touchable where records[slot].isItem {
      let record = records[slot]
      let position = ring.position(inSlot: slot)
      guard ring.isLive(position), ring.holds(Int(record.span), stepsFrom: position),
        configuration.schema.kind.spans.contains(Int(record.span)),
        record.priority >= 0, record.priority <= most
      else {
        if ring.isLive(position) { dropped += 1 }
        records[slot] = .none
        continue
      }
      // The item was to be removed with a frame that its stack needs, but the process died first.
      guard ring.hasHistory(position) else {
        records[slot] = .none
        continue
      }
      // An earlier process may have had a higher limit.
      if configuration.timesSampledMax > 0, samplesLeft(in: record) == 0 {
        records[slot] = .none
        counters.removed &+= 1
        continue
      }
      slots.append(UInt32(slot))
      records[slot].priority = clip(record.priority)
      samplesLeft += samplesLeft(in: record)
      priorityMax = max(priorityMax, records[slot].priority)
      if slots.count == 4096 { flush() }
    }
    flush()
    // These slots will be used again once the other files have grown, so their records are cleared.
    for slot in touchable..<max(touchable, slotsInFile) where records[slot].isItem { records[slot] = .none }
    rebuildSelectors()
    makeRoom(for: 0, oldest: ring.oldestSlot, undo: nil)
    return dropped
  }
}
