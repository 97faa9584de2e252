// A store goes on where another incarnation of it ended.

internal import Experience
internal import Foundations

/// What a store found in its folder.
public struct RecoverySummary: Hashable, Sendable {
  public var steps = 0
  public var chunks = 0
  public var items = 0
  /// Steps that fail their checksum, as far as they have been checked, or are older than a record
  /// that does.
  public var stepsDropped = 0
  /// Items that need such steps, or name steps that are not there, or have a priority beyond all
  /// that their table ever took.
  public var itemsDropped = 0
  /// Steps that are still to be checked.
  public var stepsInDoubt = 0
  /// Files that are shorter than what was written to them: which, and by how much.
  public var damagedFiles: [String] = []
  /// The page that says what counts was empty: whatever the folder held is dropped, however many steps that were.
  public var hasLostHeader = false
  public var writers: [KnownWriter] = []

  public init() {}

  var isDamaged: Bool { hasLostHeader || !damagedFiles.isEmpty || stepsDropped + itemsDropped > 0 }
}

extension ReplayStore {
  /// Steps between two calls of `progress`.
  static let progressEvery = 1 << 20

  /// Takes over what the folder holds: chunks in order, their streams, then the tables. `progress` is told steps done and steps in all.
  /// O(capacity).
  func recover(_ folder: StoreFolder, _ ring: StepRing, progress: (Int, Int) -> Void)
    throws(ReplayStoreError) -> RecoverySummary
  {
    var summary = RecoverySummary()
    folder.lookForShortFiles()
    let header = folder.header
    let commit = header.committed
    try takeBack(folder)
    // The commit counts from its generation on; the mark may be one behind.
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
      table.recall(mark)
      let isBounded = mark.priorityMax > 0 && mark.priorityMax.isFinite
      summary.itemsDropped += table.adoptItems(
        ring, touchable: folder.touchableSlots,
        priorityMax: isBounded ? mark.priorityMax : .greatestFiniteMagnitude)
      table.raise(to: table.priorityMax)
    }
    return summary
  }

  /// Puts back what a message that never counted has done to items.
  private func takeBack(_ folder: StoreFolder) throws(ReplayStoreError) {
    func takeBack(_ entry: ItemJournal.Entry) {
      let (table, slot) = (Int(entry.table), Int(entry.slot))
      guard tables.indices.contains(table), slot < folder.touchableSlots else { return }
      tables[table].records[slot] = entry.before
    }
    let generation = folder.header.generation &+ 1
    folder.journal.takeBack(generation: generation, takeBack)
    try ItemJournal.takeBack(
      inFolder: folder.path, itemsMax: configuration.capacity * tables.count, generation: generation, takeBack
    )
  }

  /// Checks recovered steps: the newest of streams that may go on, then the oldest, `bytes` of
  /// them.
  func verifyRecovered(_ ring: StepRing, bytes: Int) {
    doubtful = DoubtfulChunks(ring.directory.front..<ring.directory.end, steps: ring.count)
    verifyNewest(ring)
    verify(bytes: bytes)
  }

  /// What is there after all this; the rest is to be told apart from what is found later.
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

  /// The oldest chunk from which on all records are whole and follow each other.
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
      guard record.check == record.expectedCheck, record.count > 0,
        record.position < end, end - record.position == UInt64(record.count),
        commit.head - record.position <= UInt64(configuration.capacity),
        max(record.firstIndex, record.weightsVersion) <= StoreHeader.numberMax,
        slotsAreTouchable(record, folder)
      else { break }
      end = record.position
      number -= 1
    }
    if number > front {
      // How many steps a broken record stood for is not known; what is before it cannot be placed.
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
  /// Takes over a chunk that lies at the head already.
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
  /// Takes over the items of live steps, and clears what lies elsewhere; returns how many name
  /// steps that are not there, or have priorities that the table never took. O(slots on the disk).
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
      // It went with the frame that its stack needs, but the process died first.
      guard ring.hasHistory(position) else {
        records[slot] = .none
        continue
      }
      // Earlier lives may have let it be sampled more often.
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
    // Out of reach only until the other files have grown again.
    for slot in touchable..<max(touchable, slotsInFile) where records[slot].isItem { records[slot] = .none }
    rebuildSelectors()
    makeRoom(for: 0, oldest: ring.oldestSlot, undo: nil)
    return dropped
  }
}
