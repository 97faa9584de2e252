// The items of one table.

internal import CKernels
internal import Experience
internal import Foundations

/// Items over the steps of a ring, at most one for each first step, indexed by its slot.
///
/// Access to the properties that hot loops read is not checked for exclusivity at run time. That is
/// safe: the table has one thread, and takes no closure that could call back.
final class Table {
  let configuration: TableConfiguration
  var limiter: RateLimiter
  /// The slots that hold an item.
  let slots: SlotSet
  let records: UnsafeMutablePointer<ItemRecord>
  let sampler: Selector
  /// Chooses which item is removed when the table is full; nil if the sampler does.
  private let ownRemover: Selector?
  /// The generator for removals. It is the table's own, so that the batches drawn do not depend on
  /// removals.
  private var removalGenerator: SeededGenerator
  private let arena: Arena
  /// Counts for a process that resumes the store; nil with `memory` storage.
  private let mark: UnsafeMutablePointer<StoreHeader.TableMark>?
  let number: Int
  /// The raw priority of items that come without one: the largest ever seen; at first 1, or the
  /// limit if that is lower.
  @exclusivity(unchecked) var priorityMax: Float
  /// The sum of samples left in the items; 0 unless `timesSampledMax` limits them.
  @exclusivity(unchecked) var samplesLeft = 0

  @exclusivity(unchecked) var pending = PendingItems()
  /// First steps of the message that is being checked.
  @exclusivity(unchecked) var pendingKeys = KeySet()
  @exclusivity(unchecked) var counters = TableCounters()

  /// With a folder, the items are kept in its file `items-<number>`.
  init(_ configuration: TableConfiguration, number: Int, capacity: Int, seed: UInt64, folder: StoreFolder?)
    throws(ReplayStoreError)
  {
    self.configuration = configuration
    self.number = number
    priorityMax = min(1, configuration.priorityLimit)
    removalGenerator = SeededGenerator(seed: seed, part: "remover", index: number)
    limiter = RateLimiter(configuration: configuration.limiter)
    slots = try SlotSet(capacity: capacity)
    let stride = MemoryLayout<ItemRecord>.stride
    if let folder {
      arena = try folder.arena("items-\(number)", stride: stride)
      mark = folder.header.table(number)
    } else {
      arena = try Arena(byteCount: capacity * stride)
      mark = nil
    }
    records = arena.bound(to: ItemRecord.self)
    sampler = try Selector(configuration.sampler, capacity: capacity)
    ownRemover =
      configuration.hasOwnRemover ? try Selector(configuration.remover, capacity: capacity) : nil
  }

  static func byteCount(_ configuration: TableConfiguration, capacity: Int) -> Int {
    SlotSet.byteCount(capacity: capacity) + capacity * MemoryLayout<ItemRecord>.stride
      + Selector.byteCount(configuration.sampler, capacity: capacity)
      + (configuration.hasOwnRemover ? Selector.byteCount(configuration.remover, capacity: capacity) : 0)
  }

  /// Items in the table.
  var size: Int { slots.count }

  /// The sum that the sampler draws from: Σ p^α, Σ 1 / rank^α, or the number of items.
  var mass: Double { sampler.mass(of: slots) }

  var remover: Selector { ownRemover ?? sampler }

  /// Slots with room for their record in the table's file, even where other files are too short; 0
  /// with `memory` storage.
  var slotsInFile: Int {
    mark == nil ? 0 : min(slots.capacity, arena.reserved / MemoryLayout<ItemRecord>.stride)
  }
}

/// Counters of a table's items since the start.
struct TableCounters {
  var stale: UInt64 = 0
  var evicted: UInt64 = 0
  var evictedUnsampled: UInt64 = 0
  var removed: UInt64 = 0
  /// Removed because their weights were too old.
  var outdated: UInt64 = 0
  var clipped: UInt64 = 0
  var updated: UInt64 = 0
  var updatesGone: UInt64 = 0
}

extension Table {
  /// Writes the counts to the mark.
  @inline(__always)
  func saveMark() {
    if let mark { writeCounts(to: mark) }
  }

  func writeCounts(to mark: UnsafeMutablePointer<StoreHeader.TableMark>) {
    mark.pointee = StoreHeader.TableMark(
      inserts: limiter.inserts, samples: limiter.samples, priorityMax: priorityMax,
      carried: limiter.carried)
  }

  /// Raises the largest priority. It is written to the mark before an item has it, because recovery
  /// drops items with priorities above the mark's.
  func raise(to priority: Float) {
    priorityMax = priority
    mark?.pointee.priorityMax = priority
    rookery_store_fence()
  }

  /// Resumes from the counts of an earlier process.
  func resume(from mark: StoreHeader.TableMark) {
    guard mark.priorityMax > 0, mark.priorityMax.isFinite else { return }
    limiter.resume(inserts: mark.inserts, samples: mark.samples, carried: mark.carried)
    priorityMax = min(mark.priorityMax, configuration.priorityLimit)
  }

  /// Inserts the pending items, whose first steps are live now; returns how many items the remover
  /// removed. It makes room first, so that new items are not removed at once. Only a message of
  /// more than `itemsMax` items loses some of its own.
  func insertPending(_ ring: StepRing, isRestored: Bool) -> Int {
    let count = pending.count
    guard count > 0 else { return 0 }
    var removed = makeRoom(for: count, oldest: ring.oldestSlot, undo: ring.folder)
    let (keys, spans, priorities, slots) = (pending.keys, pending.spans, pending.priorities, pending.slots)
    for index in 0..<count {
      let slot = ring.slot(keys[index])
      slots[index] = UInt32(slot)
      let priority = priorities[index] < 0 ? priorityMax : clip(priorities[index])
      priorities[index] = priority
      if priority > priorityMax { raise(to: priority) }
      records[slot] = ItemRecord(priority: priority, span: spans[index], timesSampled: 0)
    }
    self.slots.insert(slots, count: count)
    assign(slots, priorities, count: count)
    samplesLeft += count * configuration.timesSampledMax
    if isRestored { limiter.didRestore(count) } else { limiter.didInsert(count) }
    pending.count = 0
    removed += makeRoom(for: 0, oldest: ring.oldestSlot, undo: ring.folder)
    return removed
  }

  /// Removes the items that exceed `itemsMax` after `count` more are inserted; returns how many.
  /// With `folder` the removals are journaled, so that they are undone if the message is not
  /// committed.
  @discardableResult
  func makeRoom(for count: Int, oldest: Int, undo folder: StoreFolder?) -> Int {
    guard let itemsMax = configuration.itemsMax else { return 0 }
    let excess = min(size, max(0, size + count - itemsMax))
    guard excess > 0 else { return 0 }
    let left = samplesLeft
    for _ in 0..<excess {
      let slot = remover.choose(from: slots, oldest: oldest, generator: &removalGenerator)
      if let folder { journalRemoval(slot, folder) }
      remove(slot)
      folder?.stageReached?(.removed)
    }
    didLose(samples: left - samplesLeft)
    counters.removed &+= UInt64(excess)
    return excess
  }

  private func journalRemoval(_ slot: Int, _ folder: StoreFolder) {
    folder.journal.add(table: number, slot: slot, before: records[slot])
    folder.journal.seal()
  }

  /// Passes new items or priorities to the selectors.
  private func assign(_ slots: UnsafePointer<UInt32>, _ priorities: UnsafePointer<Float>, count: Int) {
    sampler.assign(slots, priorities, count: count)
    ownRemover?.assign(slots, priorities, count: count)
  }

  private func removeFromSelectors(_ range: Range<Int>) {
    sampler.remove(range)
    ownRemover?.remove(range)
  }

  /// Adds all items to selectors that have none. O(capacity / 64 + items).
  func rebuildSelectors() {
    sampler.rebuild(slots, from: records)
    ownRemover?.rebuild(slots, from: records)
  }

  /// Removes one item.
  func remove(_ slot: Int) {
    samplesLeft -= samplesLeft(in: records[slot])
    records[slot] = .none
    slots.remove(slot)
    removeFromSelectors(slot..<slot + 1)
  }

  /// Removes the items of damaged steps, or of steps that do not allow them; returns how many. They
  /// do not count as evicted. O(steps).
  func drop(_ range: Range<Int>) -> Int {
    let evicted = (counters.evicted, counters.evictedUnsampled)
    defer { (counters.evicted, counters.evictedUnsampled) = evicted }
    return evict(range)
  }

  /// Removes the items of steps that are being evicted; returns how many. O(steps).
  func evict(_ range: Range<Int>) -> Int {
    guard size > 0 else { return 0 }
    let before = size
    let left = samplesLeft
    var unsampled: UInt64 = 0
    for slot in range where records[slot].isItem {
      samplesLeft -= samplesLeft(in: records[slot])
      unsampled += records[slot].timesSampled == 0 ? 1 : 0
      records[slot] = .none
    }
    slots.remove(range)
    guard size < before else { return 0 }
    didLose(samples: left - samplesLeft)
    removeFromSelectors(range)
    counters.evicted &+= UInt64(before - size)
    counters.evictedUnsampled &+= unsampled
    return before - size
  }

  /// Takes samples that can no longer be drawn out of the limiter's error. Needed only if an item
  /// cannot be sampled more often than the limiter wants on average: then other items cannot make
  /// up for them.
  func didLose(samples: Int) {
    guard samples > 0, Double(configuration.timesSampledMax) <= limiter.configuration.samplesPerInsert else {
      return
    }
    limiter.didLose(samples: samples)
  }

  @inline(__always)
  func samplesLeft(in record: ItemRecord) -> Int {
    max(0, configuration.timesSampledMax - Int(record.timesSampled))
  }

  /// Counts a draw of an item, and removes the item if it was its last.
  @inline(__always)
  func didSample(_ slot: Int) {
    let times = records[slot].timesSampled
    if times < .max { records[slot].timesSampled = times + 1 }
    guard configuration.timesSampledMax > 0 else { return }
    samplesLeft -= 1
    if Int(times) + 1 == configuration.timesSampledMax {
      remove(slot)
      counters.removed &+= 1
    }
  }

  /// A raw priority within the table's limit; counts those above it.
  @inline(__always)
  func clip(_ priority: Float) -> Float {
    if priority <= configuration.priorityLimit { return priority }
    counters.clipped &+= 1
    return configuration.priorityLimit
  }

  /// Sets checked priorities of existing items. Writes clipped priorities back to the column.
  func update(_ slots: UnsafePointer<UInt32>, _ priorities: UnsafeMutablePointer<Float>, count: Int) {
    for index in 0..<count {
      priorities[index] = clip(priorities[index])
      if priorities[index] > priorityMax { raise(to: priorities[index]) }
      records[Int(slots[index])].priority = priorities[index]
    }
    assign(slots, priorities, count: count)
    counters.updated &+= UInt64(count)
    saveMark()
  }
}
