// Undoes what an uncommitted message did to items.

internal import CKernels
internal import Glibc

/// The file `undo`: the previous records of the items that the current message inserts or removes
/// on steps of earlier messages. If the process dies before the commit, recovery restores them, so
/// that the message can be sent again.
///
///     0 generation u64 (of its commit), 8 count u64,
///     16 entries: { table u32, slot u32, the item's record 8 B }
final class ItemJournal {
  struct Entry {
    var table: UInt32
    var slot: UInt32
    var before: ItemRecord
  }

  private let arena: Arena
  private let entries: UnsafeMutablePointer<Entry>
  private var count = 0

  private static let headBytes = 16

  init(path: String, entriesMax: Int) throws(ReplayStoreError) {
    let bytes = Self.headBytes + entriesMax * MemoryLayout<Entry>.stride
    arena = Arena(file: try MappedFile(path: path, byteCountMax: bytes, piece: 1 << 16))
    try arena.reserve(Self.headBytes)
    entries = (arena.base + Self.headBytes).assumingMemoryBound(to: Entry.self)
  }

  /// The file's length when it was opened.
  var lengthWhenOpened: Int { arena.lengthWhenOpened }

  private var words: UnsafeMutablePointer<UInt64> { arena.base.assumingMemoryBound(to: UInt64.self) }

  func reserve(entries: Int) throws(ReplayStoreError) {
    try arena.reserve(Self.headBytes + entries * MemoryLayout<Entry>.stride)
  }

  func begin(generation: UInt64) {
    // With a count of 0, old entries do not belong to the new generation.
    words[1] = 0
    rookery_store_release(words, generation)
    count = 0
  }

  /// Adds the record of an item that is about to change. Call `seal` before the change.
  func add(table: Int, slot: Int, before: ItemRecord) {
    assert(
      Self.headBytes + (count + 1) * MemoryLayout<Entry>.stride <= arena.reserved, "room was not reserved")
    entries[count] = Entry(table: UInt32(table), slot: UInt32(slot), before: before)
    count += 1
  }

  /// Makes the added entries take effect. The items may be changed after this.
  func seal() {
    rookery_store_release(words + 1, UInt64(count))
    rookery_store_fence()
  }

  /// Calls `body` with each change of an uncommitted message, last change first, and then empties
  /// the journal, so that later changes to the same items stay.
  func undo(generation: UInt64, _ body: (Entry) -> Void) {
    guard words[0] == generation else { return }
    let room = (arena.reserved - Self.headBytes) / MemoryLayout<Entry>.stride
    for index in (0..<Int(min(words[1], UInt64(room)))).reversed() { body(entries[index]) }
    rookery_store_fence()
    rookery_store_release(words + 1, 0)
  }

  /// The same for stores of an earlier version, whose file `journal` named the inserted items.
  ///
  ///     0 generation u64, 8 count u64, 16 entries u64: table << 32 | slot
  static func undo(inFolder folder: String, itemsMax: Int, generation: UInt64, _ body: (Entry) -> Void)
    throws(ReplayStoreError)
  {
    let path = "\(folder)/journal"
    guard access(path, F_OK) == 0 else { return }
    let file = try MappedFile(path: path, byteCountMax: headBytes + itemsMax * 8, piece: 1 << 16)
    defer { withExtendedLifetime(file) {} }
    let words = file.base.assumingMemoryBound(to: UInt64.self)
    if file.reserved >= headBytes, words[0] == generation {
      for index in 0..<Int(min(words[1], UInt64(min(file.reserved / 8 - 2, itemsMax)))) {
        let entry = words[2 + index]
        body(Entry(table: UInt32(entry >> 32), slot: UInt32(truncatingIfNeeded: entry), before: .none))
      }
    }
    unlink(path)
  }
}
