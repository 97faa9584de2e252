// A consistent copy of a store, made while the store works.

internal import Experience
internal import Foundations
internal import Glibc

/// Copies what a store holds at one moment into a folder, in slices, while inserts and samples go
/// on. It copies all items at once, then chunks, oldest first. A chunk that is about to be evicted
/// is copied before.
///
/// The folder has the format of `file` storage. It is called `<name>.partial` until it is complete.
final class Snapshot {
  let path: String
  private let folder: StoreFolder
  private let ring: StepRing
  private let tables: [Table]
  private let rows: Arena
  private let large: [Arena]
  private let items: [Arena]
  /// Numbers of the chunks to be copied: from `front` to before `end`.
  private let front: UInt64
  private let end: UInt64
  private let head: UInt64
  /// Chunks before this one are copied.
  private var next: UInt64
  /// By stream number: the chunk that continues the last one copied.
  private var continuations: [UInt32: UInt64] = [:]
  /// Verifies a chunk, or drops it, before it is copied.
  private let verify: (UInt64) -> Void
  private(set) var bytesCopied = 0
  let bytesTotal: Int

  static func partial(_ path: String) -> String { path + ".partial" }
  /// The folder's name while it is being removed.
  static func removed(_ path: String) -> String { path + ".removed" }

  /// Begins at this moment. O(capacity · 8 bytes · tables). With `isPaced` it copies no faster
  /// than the disk writes. Throws `storage` if the folder exists or the disk is full.
  init(
    path: String, store: ReplayStore, writers: [KnownWriter], isPaced: Bool
  ) throws(ReplayStoreError) {
    guard let ring = store.ring else { throw .schemaMissing }
    self.path = path
    self.ring = ring
    tables = store.tables
    verify = { [unowned store] in store.verify(chunk: $0) }
    let temporary = Self.partial(path)
    guard access(path, F_OK) != 0 else {
      throw .storage("\(path): expected no such folder, found one; choose another name, or remove it")
    }
    Self.remove(temporary)
    folder = try StoreFolder(path: temporary, configuration: store.configuration, schema: ring.schema)
    let writing = isPaced ? MappedFile.Writing.paced : .through
    rows = try folder.arena("rows", stride: ring.layout.rowStride, writing: writing)
    var large: [Arena] = []
    for (index, bytes) in ring.layout.largeByteCounts.enumerated() {
      large.append(try folder.arena("field-\(index)", stride: bytes, writing: writing))
    }
    self.large = large
    var items: [Arena] = []
    for index in tables.indices {
      items.append(
        try folder.arena("items-\(index)", stride: MemoryLayout<ItemRecord>.stride, writing: .through))
    }
    self.items = items
    front = ring.directory.front
    end = ring.directory.end
    head = ring.head
    next = front
    bytesTotal = ring.count * ring.layout.stepByteCount
    if ring.count > 0 {
      let slots = ring.head <= UInt64(ring.capacity) ? Int(ring.head) : ring.capacity
      try folder.reserve(slots: slots)
      try folder.reserve(chunks: Int(end - front), entries: 0, front: front, end: front)
      copyItems()
    }
    for (index, table) in tables.enumerated() { table.writeCounts(to: folder.header.table(index)) }
    for writer in writers {
      try folder.writers.open(
        writer.handle, id: writer.id, label: writer.label, committed: writer.committed)
      if writer.hasLeft { folder.writers.leave(writer.handle) }
    }
    folder.header.writersUsed = UInt64(writers.isEmpty ? 0 : folder.writers.used)
    let handles = ring.streams.writers.union(writers.map(\.handle))
    folder.header.nextWriter = UInt64(handles.max().map { $0 + 1 } ?? 0)
  }

  private func copyItems() {
    let first = ring.oldestSlot
    let untilEnd = min(ring.count, ring.capacity - first)
    for (table, arena) in zip(tables, items) {
      copy(table.records, to: arena, stride: MemoryLayout<ItemRecord>.stride, first, untilEnd)
      copy(table.records, to: arena, stride: MemoryLayout<ItemRecord>.stride, 0, ring.count - untilEnd)
    }
  }

  /// Whether everything is in the files, and they can be closed without waiting.
  var isCopied: Bool { next == end && rows.isIdle && large.allSatisfy(\.isIdle) }
  /// Whether nothing can go on until the disk has written more.
  var isWaiting: Bool { next == end ? !isCopied : rows.isBehind || large.contains(where: \.isBehind) }

  /// Copies chunks until `bytes` are done, all are copied, or the disk is behind.
  func copy(bytes: Int) {
    let before = bytesCopied
    while next < end, bytesCopied - before < bytes, !isWaiting { copyNext() }
  }

  /// Copies the chunks up to one that the ring is about to evict.
  func willEvict(_ number: UInt64) {
    while next < end, next <= number { copyNext() }
  }

  private func copyNext() {
    // First, or a damaged chunk would get a checksum of its damaged bytes.
    verify(next)
    let entry = ring.directory[next]
    let slot = ring.slot(entry.position)
    let count = Int(entry.count)
    let untilEnd = min(count, ring.capacity - slot)
    for (first, count) in [(slot, untilEnd), (0, count - untilEnd)] where count > 0 {
      copy(ring.rows, to: rows, stride: ring.layout.rowStride, first, count)
      for (index, bytes) in ring.layout.largeByteCounts.enumerated() {
        copy(ring.largeArenas[index], to: large[index], stride: bytes, first, count)
      }
    }
    bytesCopied += count * ring.layout.stepByteCount
    let key = ring.streams.records[Int(entry.stream)].key
    let checksum = ring.checksum(slot: slot, count: count)
    var record = ChunkRecord(
      position: entry.position, firstIndex: entry.firstIndex, weightsVersion: entry.weightsVersion,
      writer: UInt64(bitPattern: Int64(key.writer)),
      // A chunk that is damaged here must be damaged there.
      stepsChecksum: entry.isLost ? ~checksum : checksum,
      sequence: 0,
      stream: key.stream, count: entry.count,
      flags: continuations[entry.stream] == next ? 0 : ChunkRecord.isCut)
    record.recordChecksum = record.expectedRecordChecksum
    continuations[entry.stream] = entry.next
    folder.chunks[next] = record
    next += 1
  }

  private func copy(
    _ source: UnsafeRawPointer, to arena: Arena, stride: Int, _ first: Int, _ count: Int
  ) {
    arena.write(source + first * stride, at: first * stride, count: count * stride, free: 0)
  }

  /// Commits the copied chunks. `publish` then syncs the files and names the folder, which takes as
  /// long as the disk does.
  func seal() {
    precondition(next == end, "a snapshot that lacks chunks")
    folder.header.front = front
    folder.header.commit(StoreHeader.Commit(head: head, end: end))
  }

  /// Syncs a sealed snapshot to disk if `syncsToDisk`, and gives it its name. May be called on
  /// any thread. Returns what went wrong, or nil.
  static func publish(_ path: String, syncsToDisk: Bool) -> String? {
    let temporary = partial(path)
    for name in syncsToDisk ? DirectoryNames.of(temporary) : [] {
      let descriptor = open("\(temporary)/\(name)", O_RDONLY | O_CLOEXEC)
      guard descriptor >= 0 else { return SystemCallError.last("open", "\(temporary)/\(name)").description }
      defer { close(descriptor) }
      guard fsync(descriptor) == 0 else {
        return SystemCallError.last("sync", "\(temporary)/\(name)").description
      }
    }
    guard rename(temporary, path) == 0 else { return SystemCallError.last("rename to", path).description }
    return nil
  }

  /// Removes a folder of files. Returns false if it cannot be removed, or there is none.
  @discardableResult
  static func remove(_ path: String) -> Bool {
    for name in DirectoryNames.of(path) { unlink("\(path)/\(name)") }
    return rmdir(path) == 0
  }
}
