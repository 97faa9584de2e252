// Encodes items into a message.

internal import Experience
internal import Wire

extension ItemColumns {
  /// Appends the items as one block of a table, and clears them.
  mutating func encode(into frame: FrameWriter, table: Int) {
    withBlock(table: table) { Insert.items(frame, $0) }
    removeAll()
  }
}
