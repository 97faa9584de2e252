// Inserts a snapshot's content into a working store.

internal import Experience

/// Inserts the chunks and items of a snapshot, oldest first, in slices between other messages.
/// Steps keep their values, their order within streams, and their weights version. Items keep their
/// priority; their count of samples starts at 0.
public final class Restore {
  private let store: ReplayStore
  private let writer: Int
  private let folder: StoreFolder
  private let source: StepRing
  private let items: [UnsafeMutablePointer<ItemRecord>]
  private let end: UInt64
  private var next: UInt64
  private var streams: [Stream.Key: StreamState] = [:]
  private var insertion: Insertion
  private var columns: [UnsafeMutableRawBufferPointer] = []
  /// Items of the message that is being made, by table.
  private var blocks: [ItemColumns]
  /// Bytes of steps inserted so far, skipped ones included.
  public private(set) var progress: SnapshotProgress
  /// Steps skipped: their chunk fails its checksum, is invalid, or is older than a damaged record.
  public private(set) var stepsDropped = 0
  /// Items skipped because they are invalid, or reach into skipped steps.
  public private(set) var itemsDropped = 0
  /// Files that are shorter than what was written to them.
  public private(set) var damagedFiles: [String] = []

  /// What was skipped, in words; nil if nothing was.
  public var problem: String? {
    var parts = damagedFiles
    if stepsDropped + itemsDropped > 0 {
      parts.append("\(stepsDropped) steps and \(itemsDropped) items are damaged and were left out")
    }
    return parts.isEmpty ? nil : parts.joined(separator: "; ")
  }

  private struct StreamState {
    var number: UInt32
    /// Items whose last step has not been inserted yet.
    var waiting: [Waiting] = []
    /// Whether the stream's last chunk was skipped, so that the next one cannot continue it.
    var isBroken = false
  }

  private struct Waiting {
    var table: Int
    var firstIndex: UInt64
    var span: UInt32
    var priority: Float
  }

  /// Opens a snapshot of a store with the same capacity and tables. `store` adopts the snapshot's
  /// schema if it has none yet. `writer` is a handle that no writer has had. Throws `storage` with
  /// the difference if the snapshot is of another store.
  public init(from path: String, into store: ReplayStore, writer: Int) throws(ReplayStoreError) {
    guard let schema = try StoreFolder.schema(in: path) else {
      throw .storage("\(path): expected a snapshot, found none")
    }
    self.store = store
    self.writer = writer
    folder = try StoreFolder(path: path, configuration: store.configuration, schema: schema)
    source = try StepRing(schema: schema, configuration: store.configuration, folder: folder)
    var items: [UnsafeMutablePointer<ItemRecord>] = []
    for index in store.configuration.tables.indices {
      items.append(
        try folder.arena("items-\(index)", stride: MemoryLayout<ItemRecord>.stride).bound(to: ItemRecord.self)
      )
    }
    self.items = items
    try store.adopt(schema: schema)
    folder.findShortFiles()
    damagedFiles = folder.damagedFiles
    blocks = store.configuration.tables.map { _ in ItemColumns() }
    insertion = Insertion(columnsPerChunk: schema.columnCount)
    var summary = RecoverySummary()
    let commit = folder.header.committed
    next = store.firstUsable(folder, commit, &summary)
    end = commit.end
    stepsDropped = summary.stepsDropped
    progress = SnapshotProgress(
      bytesCopied: 0,
      bytesTotal: next < end
        ? Int(commit.head - folder.chunks[next].position) * source.layout.stepByteCount : 0,
      isCopied: next == end)
  }

  deinit { for column in columns { column.deallocate() } }

  /// Inserts about `bytes` more. Throws `storage` if the disk is full; call it again once there is
  /// room.
  public func advance(bytes: Int) throws(ReplayStoreError) {
    let before = progress.bytesCopied
    while next < end, progress.bytesCopied - before < bytes { try insertNext() }
    progress.isCopied = next == end
  }

  private func insertNext() throws(ReplayStoreError) {
    let record = folder.chunks[next]
    let count = Int(record.count)
    let slot = Int(record.position % UInt64(source.capacity))
    let key = Stream.Key(writer: Int(truncatingIfNeeded: record.writer), stream: record.stream)
    if streams[key] == nil { streams[key] = StreamState(number: UInt32(streams.count)) }
    if source.checksum(slot: slot, count: count) == record.stepsChecksum {
      try insert(record, key, slot: slot)
    } else {
      skip(key, count)
    }
    next += 1
    progress.bytesCopied += count * source.layout.stepByteCount
  }

  private func insert(_ record: ChunkRecord, _ key: Stream.Key, slot: Int) throws(ReplayStoreError) {
    var state = streams[key]!
    let count = Int(record.count)
    let isCut = record.flags & ChunkRecord.isCut != 0 || state.isBroken
    if isCut { state.waiting.removeAll() }
    insertion.removeAll()
    insertion.chunks.append(
      ChunkHeader(
        stream: state.number, firstIndex: record.firstIndex, count: count,
        weightsVersion: record.weightsVersion,
        isCut: isCut))
    fillColumns(slot: slot, count: count)
    insertion.columns = columns.indices.map { index in
      let width = index < source.layout.fields.count ? source.layout.fields[index].byteCount : 1
      return UnsafeRawBufferPointer(rebasing: columns[index][..<(count * width)])
    }
    for step in 0..<count {
      for table in items.indices {
        let item = items[table][(slot + step) % source.capacity]
        guard item.isItem else { continue }
        guard item.priority >= 0, item.priority.isFinite else {
          itemsDropped += 1
          continue
        }
        state.waiting.append(
          Waiting(
            table: table, firstIndex: record.firstIndex + UInt64(step), span: UInt32(item.span),
            priority: item.priority))
      }
    }
    let reached = record.firstIndex + UInt64(count)
    for item in state.waiting where item.firstIndex + UInt64(item.span) <= reached {
      blocks[item.table].append(
        Int(state.number), first: item.firstIndex, span: Int(item.span), priority: item.priority)
    }
    state.waiting.removeAll { $0.firstIndex + UInt64($0.span) <= reached }
    state.isBroken = false
    defer { for index in blocks.indices { blocks[index].removeAll() } }
    if try insertAllowed() {
      streams[key] = state
    } else {
      skip(key, count)
    }
  }

  /// Inserts the message without its invalid items; returns false if its steps are invalid.
  private func insertAllowed() throws(ReplayStoreError) -> Bool {
    while true {
      do throws(ReplayStoreError) {
        insertion.items.removeAll()
        try withBlocks(0) { () throws(ReplayStoreError) in try store.insertRestored(insertion, writer: writer)
        }
        return true
      } catch {
        switch error {
        case .item(let name, let index, _):
          let tables = store.configuration.tables
          guard let table = tables.firstIndex(where: { $0.schema.name == name }) else { throw error }
          blocks[table].remove(at: index)
          itemsDropped += 1
        case .chunk, .message: return false
        default: throw error
        }
      }
    }
  }

  /// Skips a chunk, and the items that reach into it.
  private func skip(_ key: Stream.Key, _ count: Int) {
    stepsDropped += count
    itemsDropped += streams[key]?.waiting.count ?? 0
    streams[key]?.waiting.removeAll()
    streams[key]?.isBroken = true
  }

  /// Calls `body` once the blocks of the tables from `index` on are in the insertion.
  private func withBlocks(_ index: Int, _ body: () throws(ReplayStoreError) -> Void) throws(ReplayStoreError)
  {
    guard index < blocks.count else { return try body() }
    let block = blocks[index]
    guard block.count > 0 else { return try withBlocks(index + 1, body) }
    try block.withBlock(table: index) { items throws(ReplayStoreError) in
      insertion.items.append(items)
      try withBlocks(index + 1, body)
    }
  }

  private func fillColumns(slot: Int, count: Int) {
    if columns.first.map({ $0.count < count * source.layout.fields[0].byteCount }) ?? true {
      for column in columns { column.deallocate() }
      columns = (source.layout.fields.map(\.byteCount) + [1]).map {
        UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, $0 * count), alignment: 64)
      }
    }
    for step in 0..<count {
      let slot = (slot + step) % source.capacity
      for field in source.layout.fields.indices {
        let value = source.value(field, inSlot: slot)
        (columns[field].baseAddress! + step * value.count).copyMemory(
          from: value.baseAddress!, byteCount: value.count)
      }
      columns[columns.count - 1][step] = source.flags(slot).rawValue
    }
  }
}

extension ReplayStore {
  /// Inserts a chunk of a snapshot, without asking the limiters.
  func insertRestored(_ insertion: Insertion, writer: Int) throws(ReplayStoreError) {
    try countItems(insertion)
    _ = try insertCounted(insertion, writer: writer, sequence: 0, isRestored: true)
  }
}
