// Takes back what a message that never counted did to items.

internal import CKernels
internal import Glibc

/// The file `undo`: of each item on a step of an earlier message that the message being committed
/// inserts or removes, what was in its place. If the process dies before the commit counts,
/// recovery puts that back, so that the message can come again.
///
///     0 generation u64 (of the commit it belongs to), 8 count u64, 16 entries: { table u32, slot
///     u32, the item's record 8 B }
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

  /// Bytes that the file had when it was opened.
  var found: Int { arena.found }

  private var words: UnsafeMutablePointer<UInt64> { arena.base.assumingMemoryBound(to: UInt64.self) }

  func reserve(entries: Int) throws(ReplayStoreError) {
    try arena.reserve(Self.headBytes + entries * MemoryLayout<Entry>.stride)
  }

  func begin(generation: UInt64) {
    // Entries beyond a count of zero are nobody's.
    words[1] = 0
    rookery_store_release(words, generation)
    count = 0
  }

  /// Notes what is in an item's place, before it changes: `seal` comes between.
  func add(table: Int, slot: Int, before: ItemRecord) {
    assert(
      Self.headBytes + (count + 1) * MemoryLayout<Entry>.stride <= arena.reserved, "room was not reserved")
    entries[count] = Entry(table: UInt32(table), slot: UInt32(slot), before: before)
    count += 1
  }

  /// What has been added is taken back from now on; the items are written after this.
  func seal() {
    rookery_store_release(words + 1, UInt64(count))
    rookery_store_fence()
  }

  /// Calls with what a commit that did not come to pass has changed, last change first, and then
  /// forgets it: what a later incarnation does to the same items stays.
  func takeBack(generation: UInt64, _ body: (Entry) -> Void) {
    guard words[0] == generation else { return }
    let room = (arena.reserved - Self.headBytes) / MemoryLayout<Entry>.stride
    for index in (0..<Int(min(words[1], UInt64(room)))).reversed() { body(entries[index]) }
    rookery_store_fence()
    rookery_store_release(words + 1, 0)
  }

  /// The same for stores of an earlier version, whose file `journal` named the items that were
  /// inserted.
  ///
  ///     0 generation u64, 8 count u64, 16 entries u64: table << 32 | slot
  static func takeBack(inFolder folder: String, itemsMax: Int, generation: UInt64, _ body: (Entry) -> Void)
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
