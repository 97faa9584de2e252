// The items of one table.

internal import CKernels
internal import Experience
internal import Foundations

/// Items over the steps of a ring, at most one for each first step, indexed by its slot.
///
/// Properties that hot loops read are not checked for exclusive access at run time: one thread, and no closure is handed in.
final class Table {
  let configuration: TableConfiguration
  var limiter: RateLimiter
  /// The slots that hold an item.
  let slots: SlotSet
  let records: UnsafeMutablePointer<ItemRecord>
  let sampler: Selector
  /// Chooses what goes when the table is full; nil if the sampler does.
  private let ownRemover: Selector?
  /// What removers draw from: a generator of the table's own, so that draws of batches do not depend on removals.
  private var removalGenerator: SeededGenerator
  private let arena: Arena
  /// Where a later incarnation finds what the items do not tell.
  private let mark: UnsafeMutablePointer<StoreHeader.TableMark>?
  private let number: Int
  /// Raw priority of items that come without one: the largest ever seen, 1 (or the limit) at first.
  @exclusivity(unchecked) var priorityMax: Float
  /// How many more samples the items have in them, where `timesSampledMax` bounds that.
  @exclusivity(unchecked) var samplesLeft = 0

  @exclusivity(unchecked) var pending = PendingItems()
  /// First steps of the message being checked.
  @exclusivity(unchecked) var pendingKeys = KeySet()
  @exclusivity(unchecked) var counters = TableCounters()

  /// Its items are kept in the file `items-<number>` of a folder, if there is one.
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

  /// What the sampler draws from: Σ p^α, Σ 1 / rank^α, or the number of items.
  var mass: Double { sampler.mass(of: slots) }

  var remover: Selector { ownRemover ?? sampler }

  /// Slots whose records have room in the table's file, which another file may be too short for; none in memory.
  var slotsInFile: Int {
    mark == nil ? 0 : min(slots.capacity, arena.reserved / MemoryLayout<ItemRecord>.stride)
  }
}

/// What has happened to a table's items since the start.
struct TableCounters {
  var stale: UInt64 = 0
  var evicted: UInt64 = 0
  var evictedUnsampled: UInt64 = 0
  var removed: UInt64 = 0
  var clipped: UInt64 = 0
  var updated: UInt64 = 0
  var updatesGone: UInt64 = 0
}

extension Table {
  /// Notes for a later incarnation what has been counted.
  @inline(__always)
  func note() {
    if let mark { note(in: mark) }
  }

  func note(in mark: UnsafeMutablePointer<StoreHeader.TableMark>) {
    mark.pointee = StoreHeader.TableMark(
      inserts: limiter.inserts, samples: limiter.samples, priorityMax: priorityMax,
      carried: limiter.carried)
  }

  /// A larger priority than any before: noted before an item has it, as a later incarnation drops items of
  /// priorities beyond.
  func raise(to priority: Float) {
    priorityMax = priority
    mark?.pointee.priorityMax = priority
    rookery_store_fence()
  }

  /// Takes over what an earlier incarnation has counted.
  func recall(_ mark: StoreHeader.TableMark) {
    guard mark.priorityMax > 0, mark.priorityMax.isFinite else { return }
    limiter.recall(inserts: mark.inserts, samples: mark.samples, carried: mark.carried)
    priorityMax = min(mark.priorityMax, configuration.priorityLimit)
  }

  /// Inserts what is pending, whose first steps are live now; returns how many items the remover took for it. Room is made
  /// first, so that what comes does not go at once; only of more items than `itemsMax` the remover leaves so many.
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

  /// Lets the remover take what `itemsMax` does not allow beside `count` more; returns how many
  /// there were. For a message that does not count yet they are noted in a folder's journal, so
  /// that they come back if it never does.
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

  /// Tells the selectors of new items or priorities.
  private func assign(_ slots: UnsafePointer<UInt32>, _ priorities: UnsafePointer<Float>, count: Int) {
    sampler.assign(slots, priorities, count: count)
    ownRemover?.assign(slots, priorities, count: count)
  }

  private func removeFromSelectors(_ range: Range<Int>) {
    sampler.remove(range)
    ownRemover?.remove(range)
  }

  /// Makes the selectors know all items, of which they know none yet. O(capacity / 64 + items).
  func rebuildSelectors() {
    sampler.rebuild(slots, from: records)
    ownRemover?.rebuild(slots, from: records)
  }

  /// Removes one item.
  private func remove(_ slot: Int) {
    samplesLeft -= samplesLeft(in: records[slot])
    records[slot] = .none
    slots.remove(slot)
    removeFromSelectors(slot..<slot + 1)
  }

  /// Removes the items of steps that are not whole, or do not allow them; returns how many.
  /// O(steps).
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

  /// If no item may be sampled more often than the limiter has each sampled, those that go before cannot be made up for.
  private func didLose(samples: Int) {
    guard samples > 0, Double(configuration.timesSampledMax) <= limiter.configuration.samplesPerInsert else {
      return
    }
    limiter.didLose(samples: samples)
  }

  @inline(__always)
  func samplesLeft(in record: ItemRecord) -> Int {
    max(0, configuration.timesSampledMax - Int(record.timesSampled))
  }

  /// Counts a draw of an item, which goes if it was its last.
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

  /// A raw priority within the limit; what is beyond is counted.
  @inline(__always)
  func clip(_ priority: Float) -> Float {
    if priority <= configuration.priorityLimit { return priority }
    counters.clipped &+= 1
    return configuration.priorityLimit
  }

  /// Gives live items new priorities, which have been checked; the column keeps those that were taken.
  func update(_ slots: UnsafePointer<UInt32>, _ priorities: UnsafeMutablePointer<Float>, count: Int) {
    for index in 0..<count {
      priorities[index] = clip(priorities[index])
      if priorities[index] > priorityMax { raise(to: priorities[index]) }
      records[Int(slots[index])].priority = priorities[index]
    }
    assign(slots, priorities, count: count)
    counters.updated &+= UInt64(count)
    note()
  }
}
