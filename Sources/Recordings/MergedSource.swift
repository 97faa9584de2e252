// One source of a merged recording.

internal import Experience
internal import Foundations
internal import Wire

/// Reads the blocks of one source of one file, block by block or entry by entry.
final class SourceCursor {
  let reader: RecordingReader
  private let blocks: [RecordingBlock]
  private var taken = 0
  private var entries: RecordedEntries?
  /// The next entry of the open block; nil while none is open.
  private(set) var entry: RecordedEntry?

  init(_ reader: RecordingReader, source: Int) {
    self.reader = reader
    blocks = reader.blocks.filter { Int($0.header.source) == source }
  }

  /// The next block, if none is open; nil at the end.
  var block: RecordingBlock? { entry == nil && taken < blocks.count ? blocks[taken] : nil }

  /// The block whose entries are being read.
  var blockOpen: RecordingBlock? { entry == nil ? nil : blocks[taken] }

  /// The lowest number that comes next; nil at the end.
  var number: UInt64? {
    switch entry {
    case .message(let message): message.number
    case .missed(let missed): missed.numbers.lowerBound
    case nil: block?.header.firstNumber
    }
  }

  /// The time of what comes next; nil at the end.
  var time: Int64? {
    switch entry {
    case .message(let message): message.time
    case .missed(let missed): missed.time
    case nil: block?.header.firstTime
    }
  }

  /// The bytes and counts of the message that is next.
  var content: (body: UnsafeRawBufferPointer, steps: Int, items: Int)? {
    entries.map { ($0.content, $0.insertion.stepCount, $0.insertion.itemCount) }
  }

  /// The next block's frame, if all of the block can be read and is what its header says.
  func soundFrame() -> [UInt8]? {
    guard let block, let entries = reader.entries(of: block) else { return nil }
    return BlockTally.missed(entries, ifSound: block.header) == nil ? nil : reader.lastFrame
  }

  func skipBlock() { taken += 1 }

  /// Opens the next block; false if nothing in it can be read.
  /// - Parameter missed: receives what it tells of as missed, which may stand behind messages.
  func open(_ missed: inout NumberRanges) -> Bool {
    guard let block else { return false }
    entries = reader.entries(of: block)
    if var walk = entries {
      while let entry = try? walk.next() {
        if case .missed(let found) = entry { missed.insert(found.numbers) }
      }
    }
    advance()
    return entry != nil
  }

  /// Goes on to the next entry; false if the block has ended before its end, because it is damaged.
  @discardableResult
  func advance() -> Bool {
    let block = blocks[taken]
    entry = entries == nil ? nil : reader.next(&entries!, of: block)
    guard entry == nil else { return true }
    let isWhole = entries?.isAtEnd ?? false
    entries = nil
    taken += 1
    return isWhole
  }
}

/// An incarnation of a shard, from all files that have messages of it.
final class MergedSource {
  private(set) var description: RecordingSource
  /// Messages that were in several files.
  private(set) var repeated: UInt64 = 0
  private var cursors: [SourceCursor]
  /// In the new file.
  private var number = 0
  /// The last message that was written.
  private var last: UInt64 = 0
  /// The last number that blocks tell of, and the last time.
  private var told: UInt64 = 0
  private var lastTime: Int64 = 0
  /// Numbers that a file misses, and that no other has had so far.
  private var missed = NumberRanges()

  init(_ cursor: SourceCursor, _ description: RecordingSource) {
    cursors = [cursor]
    self.description = description
  }

  /// Adds another file's part.
  /// - Throws: `RecordingError` if the files contradict each other.
  func add(_ cursor: SourceCursor, _ other: RecordingSource, path: String) throws(RecordingError) {
    guard other.schema == description.schema, other.tables == description.tables,
      other.shard == description.shard
    else {
      throw RecordingError(
        path,
        "expected the schema and tables that another file gives for incarnation \(other.incarnation), found others: "
          + "one of the files is not what it says; merge the others")
    }
    cursors.append(cursor)
    if other.next < description.next { description = other }
  }

  /// When the next message was accepted.
  var time: Int64 { cursors.compactMap(\.time).min() ?? .max }

  /// Damage that was found in contents.
  var damage: [RecordingDamage] { cursors.flatMap(\.reader.damage) }

  func begin(_ output: RecordingOutput) throws(SystemCallError) {
    number = try output.add(description)
    told = max(1, description.next) - 1
    last = told
  }

  /// Writes the next block or entry; false at the end.
  func step(_ output: RecordingOutput) throws -> Bool {
    let open = cursors.filter { $0.number != nil }
    guard let cursor = open.min(by: { $0.number! < $1.number! }) else {
      tell(before: .max, lastTime, output)
      output.skip(to: told, time: lastTime, of: number)
      return false
    }
    if let block = cursor.block {
      try take(
        block, cursor, others: open.filter { $0 !== cursor }.compactMap(\.number).min() ?? .max, output)
    } else {
      try takeEntry(cursor, output)
    }
    return true
  }

  /// - Parameter others: the lowest number that another file has.
  private func take(
    _ block: RecordingBlock, _ cursor: SourceCursor, others: UInt64, _ output: RecordingOutput
  ) throws {
    let header = block.header
    if header.firstNumber > told + 1 { missed.insert(told + 1...header.firstNumber - 1) }
    told = max(told, header.lastNumber)
    lastTime = max(lastTime, header.lastTime)
    let isAlone =
      header.lastNumber < others && header.firstNumber > last
      && missed.ranges.allSatisfy { $0.upperBound < header.firstNumber }
    if isAlone, let frame = cursor.soundFrame() {
      tell(before: header.firstNumber, header.firstTime, output)
      try output.copy(header, frame: frame, to: number)
      last = header.lastNumber
      cursor.skipBlock()
    } else if !cursor.open(&missed), header.messages > 0 {
      missed.insert(header.firstNumber...header.lastNumber)
    }
  }

  private func takeEntry(_ cursor: SourceCursor, _ output: RecordingOutput) throws {
    var reached = last
    switch cursor.entry {
    case .message(let message):
      reached = message.number
      if message.number <= last {
        repeated += 1
      } else if let content = cursor.content {
        tell(before: message.number, message.time, output)
        try output.add(message, body: content.body, steps: content.steps, items: content.items, to: number)
        last = message.number
        _ = missed.take(below: last + 1)
      }
    // Known since the block was opened.
    case .missed, nil: break
    }
    let lastNumber = cursor.blockOpen?.header.lastNumber ?? 0
    if !cursor.advance(), reached < lastNumber { missed.insert(reached + 1...lastNumber) }
  }

  /// Tells of missed messages below a number: no file has them.
  private func tell(before bound: UInt64, _ time: Int64, _ output: RecordingOutput) {
    for numbers in missed.take(below: bound) where numbers.upperBound > last {
      let first = max(numbers.lowerBound, last + 1)
      output.add(MissedMessages(numbers: first...numbers.upperBound, time: time), to: number)
      last = numbers.upperBound
    }
  }
}
