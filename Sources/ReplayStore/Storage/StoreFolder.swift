// The files of a store that outlives its process.

internal import Experience
internal import Foundations
internal import Glibc

/// The stages of a message's commit, in order.
enum CommitStage: CaseIterable {
  /// For each evicted chunk: it is marked as evicted; then each table's items are removed; then
  /// those whose stacks lose a frame.
  case announced, tableEvicted, framesLost
  case evicted, journaled, stepsWritten
  /// For each table: each item that its remover removed; then all items that it inserted.
  case removed, tableInserted
  case itemsWritten, committed, marked
}

/// A folder with a store's mapped arenas, and the header that says which of their bytes are valid.
///
/// | file | holds |
/// |---|---|
/// | `identity` | text: what the store was made for |
/// | `header` | a page: the last commit (`StoreHeader`) |
/// | `rows`, `field-<i>` | the steps: small fields, and each large one |
/// | `items-<t>` | a table's items |
/// | `chunks-<bits>` | a ring of chunk records |
/// | `writers` | writers and their last committed sequence |
/// | `undo` | previous records of items, to restore if the last message was not committed |
///
/// A message is committed in this order. First `front` is moved past the evicted chunks, and their
/// items are removed. Then the journal, steps, chunk records and items are written. One 8-byte
/// store of the generation commits them all. Then the writer's mark is written, and the message is
/// acknowledged. The process may die between any two stores, because the kernel keeps the mapped
/// pages.
final class StoreFolder {
  let path: String
  let header: StoreHeader
  let chunks: ChunkLog
  let writers: WriterMarks
  let journal: ItemJournal
  private let headerFile: MappedFile
  private var arenas: [(name: String, arena: Arena, stride: Int)] = []
  private var reservedSlots = 0
  private let capacity: Int
  /// Whether the process before did not end cleanly, or the machine has been restarted since: then
  /// the files may not hold what was written.
  let isInDoubt: Bool
  /// Whether there are steps but an empty header: the machine crashed before the header's first
  /// page was on disk, or the page was overwritten.
  let hasLostHeader: Bool

  /// Files that are shorter than what was written to them, with what was expected and found.
  private(set) var damagedFiles: [String] = []

  /// Called at each stage of a commit; for tests that end the process there.
  var stageReached: ((CommitStage) -> Void)?

  /// Bytes of the widest arena that are reserved at once.
  private static let piece = 16 << 20

  /// Opens a folder that was made for the same capacity, schema and tables, or creates one. Throws
  /// `storage` with the difference if it was made for another store.
  init(path: String, configuration: ReplayStoreConfiguration, schema: StepSchema) throws(ReplayStoreError) {
    StoreLayout.check()
    self.path = path
    capacity = configuration.capacity
    do {
      try FolderPath.make(path)
    } catch {
      throw .storage(error.description)
    }
    let identity = StoreIdentity(configuration: configuration, schema: schema)
    if let found = try StoreIdentity.read("\(path)/identity") {
      if let difference = found.difference(from: identity) {
        throw .storage(
          "\(path) holds another store: \(difference); use the configuration it was made with, or another folder"
        )
      }
    } else {
      try identity.write("\(path)/identity")
    }
    headerFile = try MappedFile(path: "\(path)/header", byteCountMax: StoreHeader.byteCount)
    try headerFile.reserve(StoreHeader.byteCount)
    header = StoreHeader(base: headerFile.base)
    let boot = BootID.current()
    hasLostHeader = header.isNew && access("\(path)/rows", F_OK) == 0
    if header.isNew {
      header.directoryBits = ChunkLog.bitsMin
      header.bootID = boot
      header.mark()
    }
    guard header.isOurs, header.isPlausible,
      header.committed.end == 0 || ChunkLog.exists(in: path, bits: header.directoryBits)
    else {
      throw .storage(
        "\(path)/header: expected the header of a replay store, found something else; remove the folder to start empty"
      )
    }
    isInDoubt = !header.isEnded || header.bootID != boot || boot == (0, 0)
    header.mark(ended: false)
    header.bootID = boot
    chunks = try ChunkLog(folder: path, bits: header.directoryBits)
    chunks.removeOthers()
    writers = try WriterMarks(path: "\(path)/writers", writersMax: WriterMarks.countMax)
    let hadUndo = header.hasUndo
    journal = try ItemJournal(
      path: "\(path)/undo", entriesMax: configuration.capacity * configuration.tables.count * 3)
    header.hasUndo = true
    if hadUndo, journal.lengthWhenOpened == 0 {
      damagedFiles.append("undo: expected the entries that were written, found an empty file")
    }
    let used = Int(min(header.writersUsed, UInt64(WriterMarks.countMax)))
    checkLength("writers", found: writers.lengthWhenOpened, expected: used * WriterMarks.stride)
  }

  /// The schema of the store in a folder; nil if there is no store yet.
  static func schema(in path: String) throws(ReplayStoreError) -> StepSchema? {
    try StoreIdentity.read("\(path)/identity")?.schema()
  }

  /// Removes the files of an empty store. The identity goes first: without it, a folder is no
  /// store.
  static func remove(in path: String) {
    unlink("\(path)/identity")
    for name in DirectoryNames.of(path) where isFile(name) { unlink("\(path)/\(name)") }
  }

  private static func isFile(_ name: String) -> Bool {
    ["header", "rows", "writers", "undo", "journal"].contains(name)
      || ["field-", "items-", "chunks-"].contains { name.hasPrefix($0) }
  }

  /// An arena with `stride` bytes for each slot.
  func arena(_ name: String, stride: Int, writing: MappedFile.Writing = .mapped) throws(ReplayStoreError)
    -> Arena
  {
    let arena = Arena(
      file: try MappedFile(path: "\(path)/\(name)", byteCountMax: capacity * stride, writing: writing))
    arenas.append((name, arena, stride))
    reservedSlots = arenas.map { $0.arena.reserved / $0.stride }.min() ?? 0
    return arena
  }

  private func checkLength(_ name: String, found: Int, expected: Int) {
    if found < expected {
      damagedFiles.append("\(name): expected at least \(expected) bytes, found \(found)")
    }
  }

  /// Finds files that are too short for what has been committed. Call it once all arenas are open.
  func findShortFiles() {
    let (commit, size) = (header.committed, UInt64(1) << UInt64(chunks.bits))
    guard commit.end > 0 else { return }
    let slots = Int(min(commit.head, UInt64(capacity)))
    for (name, arena, stride) in arenas {
      checkLength(name, found: arena.lengthWhenOpened, expected: slots * stride)
    }
    let front = min(header.front, commit.end) & (size - 1)
    let records = min(size, front + (commit.end - min(header.front, commit.end)))
    checkLength(
      "chunks-\(chunks.bits)", found: chunks.lengthWhenOpened,
      expected: Int(records) * MemoryLayout<ChunkRecord>.stride)
  }

  /// Slots that may be touched in all arenas.
  var touchableSlots: Int { min(capacity, reservedSlots) }

  /// Ensures that the first `slots` slots of all arenas may be written. Throws `storage` if the
  /// disk is full.
  func reserve(slots: Int) throws(ReplayStoreError) {
    guard slots > reservedSlots else { return }
    let widest = arenas.map(\.stride).max() ?? 1
    let piece = max(1, Self.piece / widest)
    let ahead = min(capacity, (slots + piece - 1) / piece * piece)
    do throws(ReplayStoreError) {
      try reserveArenas(ahead)
    } catch {
      try reserveArenas(slots)
    }
  }

  private func reserveArenas(_ slots: Int) throws(ReplayStoreError) {
    for (_, arena, stride) in arenas { try arena.reserve(slots * stride) }
    reservedSlots = max(reservedSlots, slots)
  }

  /// Reserves space for a message's chunks and journal entries.
  func reserve(chunks count: Int, entries: Int, front: UInt64, end: UInt64) throws(ReplayStoreError) {
    if try chunks.reserve(front: front, end: end, more: count) {
      header.directoryBits = chunks.bits
      chunks.removeOthers()
    }
    try journal.reserve(entries: entries)
  }
}
