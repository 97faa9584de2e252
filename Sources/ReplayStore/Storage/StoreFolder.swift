// The files of a store that outlives its process.

internal import Experience
internal import Foundations
internal import Glibc

/// How far the commit of a message has come.
enum CommitStage: CaseIterable {
  /// Of each chunk that goes: it counts as gone, then each table's items are struck out, then those
  /// whose stacks lose a frame.
  case announced, tableEvicted, bereaved
  case evicted, journaled, stepsWritten
  /// Of each table: each item that its remover took, then all that it gets.
  case removed, tableInserted
  case itemsWritten, committed, marked
}

/// A folder with a store's arenas, mapped, and what says which of their bytes count.
///
/// | file | holds |
/// |---|---|
/// | `identity` | text: what the store was made for |
/// | `header` | a page: the last commit (`StoreHeader`) |
/// | `rows`, `field-<i>` | the steps: small fields, and each large one |
/// | `items-<t>` | a table's items |
/// | `chunks-<bits>` | a ring of chunk records |
/// | `writers` | writers and their last committed sequence |
/// | `undo` | items as they were, to bring back if the last message did not count |
///
/// A message is committed in this order: what is evicted no longer counts (`front`), and then its
/// items are struck out; journal, steps, chunk records and items are written; one 8-byte store of
/// the generation makes all of them count; then the writer's mark, then the acknowledgement. A
/// process may die between any two stores: the mapped pages are the kernel's.
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
  /// The process before did not end in order, or the machine has been started anew since: what the
  /// files hold may not be what was written.
  let isInDoubt: Bool
  /// There are steps, but nothing says where they belong: the machine went down before the header's first page was on the disk, or the
  /// page was overwritten.
  let hasLostHeader: Bool

  /// Files that are shorter than what was written to them, with what was expected and found.
  private(set) var damagedFiles: [String] = []

  /// Told by each message how far it has come; for tests that let the process die there.
  var stageReached: ((CommitStage) -> Void)?

  /// Slots reserved at once, in bytes of the widest arena.
  private static let piece = 16 << 20

  /// Opens a folder that was made for the same, or makes one. Throws `storage` with the difference.
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
        "\(path)/header: expected a replay store's, found something else; remove the folder to begin anew")
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
    if hadUndo, journal.found == 0 { damagedFiles.append("undo: expected what was written, found it empty") }
    let used = Int(min(header.writersUsed, UInt64(WriterMarks.countMax)))
    note("writers", found: writers.found, expected: used * WriterMarks.stride)
  }

  /// The schema of the store in a folder; nil if there is none yet.
  static func schema(in path: String) throws(ReplayStoreError) -> StepSchema? {
    try StoreIdentity.read("\(path)/identity")?.schema()
  }

  /// Removes the files of a store that holds nothing. Without its identity, which goes first, a
  /// folder is no store.
  static func remove(in path: String) {
    unlink("\(path)/identity")
    for name in DirectoryNames.of(path) where isFile(name) { unlink("\(path)/\(name)") }
  }

  private static func isFile(_ name: String) -> Bool {
    ["header", "rows", "writers", "undo", "journal"].contains(name)
      || ["field-", "items-", "chunks-"].contains { name.hasPrefix($0) }
  }

  /// An arena with `stride` bytes a slot.
  func arena(_ name: String, stride: Int, writing: MappedFile.Writing = .mapped) throws(ReplayStoreError)
    -> Arena
  {
    let arena = Arena(
      file: try MappedFile(path: "\(path)/\(name)", byteCountMax: capacity * stride, writing: writing))
    arenas.append((name, arena, stride))
    reservedSlots = arenas.map { $0.arena.reserved / $0.stride }.min() ?? 0
    return arena
  }

  private func note(_ name: String, found: Int, expected: Int) {
    if found < expected {
      damagedFiles.append("\(name): expected at least \(expected) bytes, found \(found)")
    }
  }

  /// Notes files that are too short for what has been committed; once all arenas are open.
  func lookForShortFiles() {
    let (commit, size) = (header.committed, UInt64(1) << UInt64(chunks.bits))
    guard commit.end > 0 else { return }
    let slots = Int(min(commit.head, UInt64(capacity)))
    for (name, arena, stride) in arenas { note(name, found: arena.found, expected: slots * stride) }
    let front = min(header.front, commit.end) & (size - 1)
    let records = min(size, front + (commit.end - min(header.front, commit.end)))
    note(
      "chunks-\(chunks.bits)", found: chunks.found, expected: Int(records) * MemoryLayout<ChunkRecord>.stride)
  }

  /// Slots that may be touched in all arenas.
  var touchableSlots: Int { min(capacity, reservedSlots) }

  /// Makes sure that the first `slots` slots of all arenas may be written. Throws `storage` if the disk is full.
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

  /// Room for a message's chunks and items.
  func reserve(chunks count: Int, entries: Int, front: UInt64, end: UInt64) throws(ReplayStoreError) {
    if try chunks.reserve(front: front, end: end, more: count) {
      header.directoryBits = chunks.bits
      chunks.removeOthers()
    }
    try journal.reserve(entries: entries)
  }
}
