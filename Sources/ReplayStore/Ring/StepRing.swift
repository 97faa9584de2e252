// The steps of a store.

internal import Experience

/// A ring of steps with positions that are never reused: slot = position mod capacity; live ⇔ tail
/// ≤ position < head.
///
/// The steps of a chunk have consecutive positions, and chunks are evicted whole, oldest first.
/// `stage` checks a message and enters its chunks in the directory. Then the store evicts what must
/// go and calls `commit`, which copies the steps and moves the head; or it calls `rollback`.
///
/// Access to the properties that hot loops read is not checked for exclusivity at run time. That is
/// safe: the ring has one thread, and takes no closure that could call back.
final class StepRing {
  let schema: StepSchema
  let layout: StepLayout
  let floatColumns: [FloatColumn]
  let capacity: Int
  /// Position of the oldest live step.
  @exclusivity(unchecked) private(set) var tail: UInt64 = 0
  /// Position that the next step will have.
  @exclusivity(unchecked) private(set) var head: UInt64 = 0
  @exclusivity(unchecked) private var tailSlot = 0
  @exclusivity(unchecked) private(set) var headSlot = 0

  @exclusivity(unchecked) var directory = ChunkDirectory()
  @exclusivity(unchecked) var streams: StreamTable
  /// Chunks from this number on are in the directory but not committed.
  var stagedFrom: UInt64 = 0
  var undo: [StagedChunk] = []

  let rows: UnsafeMutableRawPointer
  let largeArenas: [UnsafeMutableRawPointer]
  /// The arenas of large fields; written past their mappings if they may not fit in memory.
  let large: [Arena]
  let isLargerThanMemory: Bool
  /// The most live steps: the capacity, less a few that keep the page behind the head free if the
  /// ring is larger than memory.
  let room: Int
  /// For each slot the low 32 bits of its chunk's number.
  let references: UnsafeMutablePointer<UInt32>
  private let arenas: [Arena]

  /// Where commits are written; nil with `memory` storage.
  let folder: StoreFolder?

  init(schema: StepSchema, configuration: ReplayStoreConfiguration, folder: StoreFolder?)
    throws(ReplayStoreError)
  {
    self.schema = schema
    layout = StepLayout(schema)
    floatColumns = FloatColumn.all(of: schema, for: configuration.tables)
    capacity = configuration.capacity
    streams = StreamTable(countMax: configuration.streamsMax)
    self.folder = folder
    let capacity = capacity
    let isLargerThanMemory = folder != nil && capacity * layout.stepByteCount > configuration.residentMax
    self.isLargerThanMemory = isLargerThanMemory
    let narrowest = layout.largeByteCounts.min() ?? MappedFile.page
    room = capacity - (isLargerThanMemory ? min((MappedFile.page - 1) / narrowest + 1, capacity / 16) : 0)
    func arena(_ name: String, stride: Int, writing: MappedFile.Writing = .mapped) throws(ReplayStoreError)
      -> Arena
    {
      guard let folder else { return try Arena(byteCount: capacity * stride) }
      return try folder.arena(name, stride: stride, writing: writing)
    }
    let rowArena = try arena("rows", stride: layout.rowStride)
    let referenceArena = try Arena(byteCount: capacity * 4)
    var large: [Arena] = []
    for (index, bytes) in layout.largeByteCounts.enumerated() {
      large.append(
        try arena("field-\(index)", stride: bytes, writing: isLargerThanMemory ? .paced : .mapped))
    }
    rows = rowArena.base
    largeArenas = large.map(\.base)
    self.large = large
    references = referenceArena.bound(to: UInt32.self)
    arenas = [rowArena, referenceArena]
  }

  var count: Int { Int(head - tail) }

  @inline(__always)
  func isLive(_ position: UInt64) -> Bool { position &- tail < head &- tail }

  /// The slot of a live position.
  @inline(__always)
  func slot(_ position: UInt64) -> Int {
    let slot = tailSlot + Int(truncatingIfNeeded: position &- tail)
    return slot < capacity ? slot : slot - capacity
  }

  /// The live position in a slot that has one.
  @inline(__always)
  func position(inSlot slot: Int) -> UInt64 {
    tail + UInt64(slot >= tailSlot ? slot - tailSlot : slot - tailSlot + capacity)
  }

  /// The slot of the oldest step.
  var oldestSlot: Int { tailSlot }

  @inline(__always)
  func row(_ slot: Int) -> UnsafeMutableRawPointer { rows + slot * layout.rowStride }

  @inline(__always)
  func flags(_ slot: Int) -> StepFlags {
    StepFlags(rawValue: row(slot).load(fromByteOffset: layout.flagsOffset, as: UInt8.self))
  }

  /// Marks the oldest chunk as evicted, with all its items, for a process that resumes the store.
  /// Call it before any item is removed, so that a kill leaves no step that has items in some
  /// tables only.
  func announceEviction() { folder?.header.front = directory.front + 1 }

  /// Moves the tail past the oldest chunk, whose eviction has been announced.
  func evictOldest() {
    assert(folder.map { $0.header.front > directory.front } ?? true, "the eviction was not announced")
    let entry = directory[directory.front]
    tail += UInt64(entry.count)
    tailSlot = (tailSlot + Int(entry.count)) % capacity
    let record = streams.records + Int(entry.stream)
    record.pointee.chunks.removeFirst()
    directory.removeFirst()
    if record.pointee.chunks.count == 0, !record.pointee.isOpen { streams.remove(entry.stream) }
  }

  /// Sets where an empty ring continues an earlier process.
  func start(at position: UInt64) {
    precondition(directory.isEmpty, "a ring that holds steps")
    tail = position
    head = position
    tailSlot = Int(position % UInt64(capacity))
    headSlot = tailSlot
  }

  /// Moves the head past steps that have been written.
  func advanceHead(by count: Int) {
    assert(count >= 0 && self.count + count <= capacity, "steps over live ones")
    head += UInt64(count)
    headSlot = (headSlot + count) % capacity
  }
}
