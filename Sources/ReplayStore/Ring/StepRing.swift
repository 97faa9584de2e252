// The steps of a store.

internal import Experience

/// A ring of steps with positions that are never reused: slot = position mod capacity, live ⇔ tail ≤ position < head.
///
/// The steps of a chunk lie one after the other in position space, and chunks are evicted whole, oldest first. A message
/// goes in by `stage` (checks everything, enters its chunks in the directory), then `commit` (evicts, copies, moves the
/// head) or `rollback`.
///
/// Properties that hot loops read are not checked for exclusive access at run time: one thread, and no closure is handed in.
final class StepRing {
  let schema: StepSchema
  let layout: StepLayout
  let floatColumns: [FloatColumn]
  let capacity: Int
  /// Position of the oldest live step.
  @exclusivity(unchecked) private(set) var tail: UInt64 = 0
  /// Position the next step will have.
  @exclusivity(unchecked) private(set) var head: UInt64 = 0
  @exclusivity(unchecked) private var tailSlot = 0
  @exclusivity(unchecked) private(set) var headSlot = 0

  @exclusivity(unchecked) var directory = ChunkDirectory()
  @exclusivity(unchecked) var streams: StreamTable
  /// Chunks in the directory that are not committed: those numbered from here.
  var stagedFrom: UInt64 = 0
  var undo: [StagedChunk] = []

  let rows: UnsafeMutableRawPointer
  let largeArenas: [UnsafeMutableRawPointer]
  /// Where large fields are written; past the mappings if they may not fit in memory.
  let large: [Arena]
  let isLargerThanMemory: Bool
  /// Steps that may live at once: the capacity, but for the few that keep the page behind the head free.
  let room: Int
  /// For each slot the low 32 bits of its chunk's number.
  let references: UnsafeMutablePointer<UInt32>
  private let arenas: [Arena]

  /// What is committed is written to `folder`, if there is one.
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
        try arena("field-\(index)", stride: bytes, writing: isLargerThanMemory ? .followed : .mapped))
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

  /// What a later incarnation finds: the oldest chunk is gone, with all its items, whatever of them is
  /// still in the files. Before anything of it is struck out, so that no kill leaves steps of which
  /// some tables have items and others none.
  func announceEviction() { folder?.header.front = directory.front + 1 }

  /// Moves the tail over the oldest chunk, whose eviction has been announced.
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

  /// An empty ring that goes on where another incarnation ended.
  func start(at position: UInt64) {
    precondition(directory.isEmpty, "a ring that holds steps")
    tail = position
    head = position
    tailSlot = Int(position % UInt64(capacity))
    headSlot = tailSlot
  }

  /// Moves the head over steps that have been written.
  func advanceHead(by count: Int) {
    assert(count >= 0 && self.count + count <= capacity, "steps over live ones")
    head += UInt64(count)
    headSlot = (headSlot + count) % capacity
  }
}
