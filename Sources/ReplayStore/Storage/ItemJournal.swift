// Takes back the items of a message that never counted.

internal import CKernels

/// The file `journal`: which items on steps of earlier messages the message being committed inserts. If the process dies
/// before the commit counts, recovery removes them, so that the message can come again.
///
///     0 generation u64 (of the commit it belongs to), 8 count u64, 16 entries u64: table << 32 | slot
final class ItemJournal {
  private let arena: Arena
  private var count = 0

  init(path: String, itemsMax: Int) throws(ReplayStoreError) {
    arena = Arena(file: try MappedFile(path: path, byteCountMax: 16 + itemsMax * 8, piece: 1 << 16))
    try arena.reserve(16)
  }

  private var words: UnsafeMutablePointer<UInt64> { arena.base.assumingMemoryBound(to: UInt64.self) }

  func reserve(items: Int) throws(ReplayStoreError) { try arena.reserve(16 + items * 8) }

  func begin() {
    // Entries beyond a count of zero are nobody's.
    words[1] = 0
    count = 0
  }

  func add(table: Int, slot: Int) {
    words[2 + count] = UInt64(table) << 32 | UInt64(slot)
    count += 1
  }

  func seal(generation: UInt64) {
    words[0] = generation
    words[1] = UInt64(count)
    // The items are written after this.
    rookery_store_fence()
  }

  /// The entries of a commit that did not come to pass.
  func entries(ofGeneration generation: UInt64) -> [(table: Int, slot: Int)] {
    guard words[0] == generation else { return [] }
    let count = min(Int(truncatingIfNeeded: words[1]), arena.reserved / 8 - 2)
    return (0..<max(0, count)).map { (Int(words[2 + $0] >> 32), Int(words[2 + $0] & 0xFFFF_FFFF)) }
  }
}
