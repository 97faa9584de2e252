// A block of a recording that another thread reads.

internal import Recordings

/// Reads one block at a time.
///
/// Proof of Sendable: its owner hands it to a thread with `load` and does not touch it until that
/// has returned there, which the owner learns through `BackgroundWorker.finished`.
final class BlockSlot: @unchecked Sendable {
  private let reader: RecordingReader
  private(set) var block: RecordingBlock?
  /// nil if the block is damaged.
  private(set) var entries: RecordedEntries?

  init(_ reader: RecordingReader) {
    self.reader = reader
  }

  /// Reads a block. It waits for the disk.
  func load(_ block: RecordingBlock) {
    self.block = block
    entries = reader.entries(of: block)
  }

  /// The next entry; nil at the block's end, or where it is damaged.
  func next() -> RecordedEntry? {
    guard let block, entries != nil else { return nil }
    return reader.next(&entries!, of: block)
  }

  /// What is wrong with the block; nil if nothing was found.
  var damage: RecordingDamage? {
    guard let block else { return nil }
    return reader.damage.last { $0.range.lowerBound == block.offset }
  }
}
