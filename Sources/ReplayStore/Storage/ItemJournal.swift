// Takes back the items of a message that never counted.

internal import CKernels

/// The file `journal`: which items on steps of earlier messages the message being committed inserts, and which items it removes
/// where a table has no more room. If the process dies before the commit counts, recovery takes the former back and puts the latter
/// back, so that the message can come again.
///
///     0 generation u64 (of the commit it belongs to), 8 words u64, 16 entries
///     inserted: table << 32 | slot; removed: 1 << 63 | table << 32 | slot, then the item's record
final class ItemJournal {
  private let arena: Arena
  private var count = 0

  init(path: String, itemsMax: Int) throws(ReplayStoreError) {
    arena = Arena(file: try MappedFile(path: path, byteCountMax: 16 + itemsMax * Self.wordsMax * 8, piece: 1 << 16))
    try arena.reserve(16)
  }

  private var words: UnsafeMutablePointer<UInt64> { arena.base.assumingMemoryBound(to: UInt64.self) }

  /// Words for an item that comes: its own, and two for each of two that go for it. (At most as many go before as come, and of those that
  /// come no more than they are.)
  private static let wordsMax = 5
  private static let isRemoved: UInt64 = 1 << 63

  func reserve(items: Int) throws(ReplayStoreError) { try arena.reserve(16 + items * Self.wordsMax * 8) }

  func begin() {
    // Entries beyond a count of zero are nobody's.
    words[1] = 0
    count = 0
  }

  func add(table: Int, slot: Int) {
    words[2 + count] = UInt64(table) << 32 | UInt64(slot)
    count += 1
  }

  /// Notes an item that is about to be removed, after `seal`.
  func addRemoved(table: Int, slot: Int, record: ItemRecord) {
    words[2 + count] = Self.isRemoved | UInt64(table) << 32 | UInt64(slot)
    words[3 + count] = unsafeBitCast(record, to: UInt64.self)
    count += 2
    rookery_store_fence()
    words[1] = UInt64(count)
    // The item goes after this.
    rookery_store_fence()
  }

  func seal(generation: UInt64) {
    words[0] = generation
    words[1] = UInt64(count)
    // The items are written after this.
    rookery_store_fence()
  }

  /// What a commit that did not come to pass has changed, the last change first, and what was there before it.
  func changes(ofGeneration generation: UInt64) -> [(table: Int, slot: Int, before: ItemRecord)] {
    guard words[0] == generation else { return [] }
    let end = 2 + max(0, min(Int(truncatingIfNeeded: words[1]), arena.reserved / 8 - 2))
    var changes: [(table: Int, slot: Int, before: ItemRecord)] = []
    var place = 2
    while place < end {
      let word = words[place]
      let (table, slot) = (Int(word >> 32 & 0x7FFF_FFFF), Int(word & 0xFFFF_FFFF))
      if word & Self.isRemoved == 0 {
        changes.append((table, slot, .none))
      } else if place + 1 < end {
        place += 1
        changes.append((table, slot, unsafeBitCast(words[place], to: ItemRecord.self)))
      }
      place += 1
    }
    return changes.reversed()
  }

  /// What it says has been taken back. A later life must not do so again, as items are drawn and updated until the next message.
  func clear() {
    rookery_store_fence()
    words[1] = 0
    count = 0
  }
}
