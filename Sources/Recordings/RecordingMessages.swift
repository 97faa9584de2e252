// The selected messages of a recording, one after the other.

public import Experience
internal import Wire

/// Reads messages, and what was missed, in the file's order. Damage is left out, and is then in the
/// reader's `damage`.
public struct RecordingMessages {
  private let reader: RecordingReader
  private let selection: RecordingSelection
  private let times: Range<Int64>
  private var taken = 0
  private var entries: RecordedEntries?

  /// - Parameter selection: whose tables make no difference: all items of a message are read.
  public init(_ reader: RecordingReader, _ selection: RecordingSelection = RecordingSelection()) {
    self.reader = reader
    self.selection = selection
    times = selection.times(beginning: reader.beginning ?? 0)
  }

  /// Chunks and items of the last message; valid until the next is read.
  public var insertion: Insertion { entries?.insertion ?? Insertion(columnsPerChunk: 1) }

  /// The next message and the number of its source; nil at the end.
  public mutating func next() -> (source: Int, entry: RecordedEntry)? {
    while true {
      if entries != nil, taken > 0 {
        let block = reader.blocks[taken - 1]
        while let entry = reader.next(&entries!, of: block) {
          if isSelected(entry) { return (Int(block.header.source), entry) }
        }
        entries = nil
      }
      guard taken < reader.blocks.count else { return nil }
      let block = reader.blocks[taken]
      taken += 1
      if block.header.firstTime < times.upperBound, block.header.lastTime >= times.lowerBound {
        entries = reader.entries(of: block)
      }
    }
  }

  private func isSelected(_ entry: RecordedEntry) -> Bool {
    switch entry {
    case .message(let message):
      times.contains(message.time) && (selection.actors?.contains(message.label) ?? true)
    case .missed(let missed): times.contains(missed.time)
    }
  }
}
