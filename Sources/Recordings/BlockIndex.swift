// The list of a file's blocks, which a closed file ends with.

internal import Wire

/// `[4, [[offset, kind, source, compressed, content, first number, last number, first time,
/// last time, messages, steps, items, missed], …]]`.
enum BlockIndex {
  private static let elements = 13
  private static let blocksMax = 1 << 24

  static func encode(_ blocks: [RecordingBlock], into writer: FrameWriter) {
    writer.clear()
    writer.array(2)
    writer.unsigned(EntryType.index.rawValue)
    writer.array(blocks.count)
    for block in blocks {
      let header = block.header
      writer.array(elements)
      writer.unsigned(block.offset)
      writer.unsigned(UInt64(header.kind.rawValue))
      writer.unsigned(UInt64(header.source))
      for value in [header.compressedBytes, header.contentBytes, header.firstNumber, header.lastNumber] {
        writer.unsigned(value)
      }
      for value in [header.firstTime, header.lastTime] { writer.unsigned(UInt64(value)) }
      for value in [header.messages, header.steps, header.items, header.missed] { writer.unsigned(value) }
    }
  }

  /// The blocks that an index lists; nil if it cannot be read, or cannot be of a file with its
  /// block at `offset`.
  static func decode(_ content: UnsafeRawBufferPointer, at offset: UInt64) -> [RecordingBlock]? {
    var cursor = FrameCursor(content)
    do throws(WireError) {
      try cursor.open(.index, elements: 2)
      let count = try cursor.array(max: blocksMax, "the blocks")
      var blocks: [RecordingBlock] = []
      var end: UInt64 = 0
      for _ in 0..<count {
        let block = try block(from: &cursor)
        guard block.offset >= end, block.header.isPossible, block.frame.upperBound <= offset else {
          return nil
        }
        end = block.frame.upperBound
        blocks.append(block)
      }
      try cursor.close()
      return blocks
    } catch {
      return nil
    }
  }

  private static func block(from cursor: inout FrameCursor) throws(WireError) -> RecordingBlock {
    let start = cursor.offset
    guard try cursor.array(max: elements, "a block") == elements else {
      throw WireError(offset: start, expected: "\(elements) elements of a block", found: "fewer")
    }
    let offset = try cursor.number("the offset")
    let code = try cursor.count(max: Int(UInt16.max), "the kind")
    guard let kind = BlockKind(rawValue: UInt16(code)) else {
      throw WireError(offset: start, expected: "a kind of block", found: "\(code)")
    }
    var header = BlockHeader(kind: kind)
    header.source = UInt32(try cursor.count(max: Int(UInt32.max), "the source"))
    header.compressedBytes = try cursor.number("the bytes")
    header.contentBytes = try cursor.number("the content's bytes")
    header.firstNumber = try cursor.number("the first number")
    header.lastNumber = try cursor.number("the last number")
    header.firstTime = try cursor.time("the first time")
    header.lastTime = try cursor.time("the last time")
    header.messages = try cursor.number("the messages")
    header.steps = try cursor.number("the steps")
    header.items = try cursor.number("the items")
    header.missed = try cursor.number("the missed messages")
    return RecordingBlock(offset: offset, header: header)
  }
}
