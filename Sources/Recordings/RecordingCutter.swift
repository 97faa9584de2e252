// Copies a part of a recording.

internal import Experience
internal import Foundations
internal import Wire

/// Copies what is selected, and can be read, into a new recording. Blocks of which nothing is left
/// out are copied as they are; messages are encoded again only if something of them is left out.
public struct RecordingCutter {
  private let reader: RecordingReader
  private let selection: RecordingSelection
  private let times: Range<Int64>
  private let output: RecordingOutput
  private var sources: [Source?]
  private let writer = FrameWriter()

  private struct Source {
    var description: RecordingSource
    /// In the new file; nil while nothing of it is selected.
    var number: Int?
    /// Tables whose items are selected; nil: all.
    var tables: Set<Int>?
    /// The last number that readable blocks tell of.
    var told: UInt64
    /// The last number that damaged blocks tell of, and when.
    var claimed: UInt64 = 0
    var claimedTime: Int64 = 0
    /// Numbers that the new file tells of as missed.
    var gaps = NumberRanges()
  }

  /// Cuts a recording. Without a selection it mends: everything readable is copied, and messages
  /// that damage took are told of as missed, where numbers show them.
  ///
  /// - Parameters:
  ///   - path: of the recording; it stays as it is.
  ///   - new: of the new recording; no file may be there. If it cannot be written it is removed.
  ///   - level: zstd's, -7 to 19.
  ///   - now: nanoseconds since 1970.
  /// - Throws: `RecordingError`, or `SystemCallError` if the new file cannot be written.
  public static func cut(
    _ path: String, to new: String, _ selection: RecordingSelection = RecordingSelection(), level: Int = 3,
    now: Int64
  ) throws -> RecordingResult {
    let reader = try RecordingReader(path: path, scans: true)
    try check(selection, reader)
    let filters = [reader.about?.filter, selection.description].compactMap { $0 }.filter { !$0.isEmpty }
    let about = RecordingAbout(
      created: reader.about?.created ?? now, program: reader.about?.program ?? "rookery",
      filter: filters.joined(separator: "; "))
    var cutter = RecordingCutter(
      reader, selection, try RecordingOutput(path: new, about: about, level: level))
    do {
      return try cutter.run()
    } catch {
      cutter.output.discard()
      throw error
    }
  }

  private static func check(_ selection: RecordingSelection, _ reader: RecordingReader) throws(RecordingError)
  {
    let known = Set(reader.sources.compactMap { $0 }.flatMap { $0.tables.map(\.name) })
    guard let unknown = selection.tables?.subtracting(known).min() else { return }
    throw RecordingError(
      reader.path,
      "expected tables of the recording (\(known.sorted().joined(separator: ", "))), found '\(unknown)'")
  }

  private init(_ reader: RecordingReader, _ selection: RecordingSelection, _ output: RecordingOutput) {
    self.reader = reader
    self.selection = selection
    self.output = output
    times = selection.times(beginning: reader.beginning ?? 0)
    sources = reader.sources.map { description in
      description.map {
        Source(description: $0, tables: selection.tables(of: $0), told: max(1, $0.next) - 1)
      }
    }
  }

  private mutating func run() throws -> RecordingResult {
    if selection.isEverything {
      for number in sources.indices { try begin(number, next: 0) }
    }
    for block in reader.blocks { try add(block) }
    for number in sources.indices {
      guard let source = sources[number], let output = source.number, source.claimed > source.told else {
        continue
      }
      self.output.add(
        MissedMessages(numbers: source.told + 1...source.claimed, time: source.claimedTime), to: output)
    }
    try output.finish()
    var result = output.result
    result.damage = reader.damage.sorted { $0.range.lowerBound < $1.range.lowerBound }
    return result
  }

  /// Makes sure that the new file has a source.
  /// - Parameter next: its first message, if earlier ones are cut off.
  private mutating func begin(_ number: Int, next: UInt64) throws(SystemCallError) {
    guard let source = sources[number], source.number == nil else { return }
    var description = source.description
    if selection.from != nil { description.next = max(description.next, next) }
    sources[number]!.number = try output.add(description)
  }
}

// MARK: - Blocks

extension RecordingCutter {
  private mutating func add(_ block: RecordingBlock) throws {
    let header = block.header
    let number = Int(header.source)
    guard sources.indices.contains(number), sources[number] != nil else { return }
    let isSelected = header.firstTime < times.upperBound && header.lastTime >= times.lowerBound
    guard isSelected else {
      sources[number]!.told = max(sources[number]!.told, header.lastNumber)
      return
    }
    if let entries = reader.entries(of: block) {
      try tellGap(number, before: header)
      let isWhole = header.firstTime >= times.lowerBound && header.lastTime < times.upperBound
      if isWhole, selection.actors == nil, selection.tables == nil,
        let missed = sound(entries, header, number)
      {
        try begin(number, next: header.firstNumber)
        try output.copy(header, frame: reader.lastFrame, to: sources[number]!.number!)
        sources[number]!.told = header.lastNumber
        for numbers in missed.ranges { sources[number]!.gaps.insert(numbers) }
        return
      }
      try add(entries, of: block, number)
    } else {
      try begin(number, next: header.firstNumber)
      sources[number]!.claimed = header.lastNumber
      sources[number]!.claimedTime = header.lastTime
    }
  }

  /// Tells of the messages between two blocks, which are lost.
  private mutating func tellGap(_ number: Int, before header: BlockHeader) throws {
    let told = sources[number]!.told
    // Before the first block of a part nothing is known to be lost.
    guard header.firstNumber > told + 1, selection.from == nil || sources[number]!.number != nil else {
      return
    }
    try begin(number, next: told + 1)
    output.add(
      MissedMessages(numbers: told + 1...header.firstNumber - 1, time: header.firstTime),
      to: sources[number]!.number!)
    sources[number]!.gaps.insert(told + 1...header.firstNumber - 1)
    sources[number]!.told = header.firstNumber - 1
  }

  /// What a block tells of as missed, if all its entries can be read, follow each other, and are
  /// what the header says; nil if not.
  private func sound(_ entries: RecordedEntries, _ header: BlockHeader, _ number: Int) -> NumberRanges? {
    header.firstNumber > sources[number]!.told ? BlockTally.missed(entries, ifSound: header) : nil
  }

  private mutating func add(_ entries: RecordedEntries, of block: RecordingBlock, _ number: Int) throws {
    var entries = entries
    while let entry = reader.next(&entries, of: block) {
      switch entry {
      case .message(let message) where message.number > sources[number]!.told:
        if times.contains(message.time) { try add(message, entries, number) }
        sources[number]!.told = message.number
      case .message(let message):
        reader.record(block, "expected numbers beyond \(sources[number]!.told), found \(message.number)")
      case .missed(let missed): try add(missed, number)
      }
    }
    let header = block.header
    guard entries.isAtEnd else {
      sources[number]!.claimed = header.lastNumber
      sources[number]!.claimedTime = header.lastTime
      return
    }
    sources[number]!.told = max(sources[number]!.told, header.lastNumber)
    if let output = sources[number]!.number, times.contains(header.lastTime) {
      self.output.skip(to: header.lastNumber, time: header.lastTime, of: output)
    }
  }

  /// Adds missed messages. They may come late, when the gap that they left is told of already.
  private mutating func add(_ missed: MissedMessages, _ number: Int) throws {
    guard times.contains(missed.time) else { return }
    var rest = NumberRanges()
    rest.insert(missed.numbers)
    rest.remove(sources[number]!.gaps)
    for numbers in rest.ranges {
      try begin(number, next: numbers.lowerBound)
      output.add(MissedMessages(numbers: numbers, time: missed.time), to: sources[number]!.number!)
      sources[number]!.gaps.insert(numbers)
    }
  }

  /// Adds the selected part of a message.
  private mutating func add(_ message: Accepted, _ entries: RecordedEntries, _ number: Int) throws {
    try begin(number, next: message.number)
    let target = sources[number]!.number!
    let insertion = entries.insertion
    if let actors = selection.actors, !actors.contains(message.label) {
      return output.skip(to: message.number, time: message.time, of: target)
    }
    let items = insertion.items.filter { sources[number]!.tables?.contains($0.table) ?? true }
    if items.count == insertion.items.count {
      return try output.add(
        message, body: entries.content, steps: insertion.stepCount, items: insertion.itemCount, to: target)
    }
    if insertion.chunks.isEmpty, items.isEmpty {
      return output.skip(to: message.number, time: message.time, of: target)
    }
    writer.clear()
    writer.array(insertion.chunks.count)
    for (index, chunk) in insertion.chunks.enumerated() {
      Insert.chunk(writer, chunk, columns: insertion.columns(ofChunk: index))
    }
    Insert.items(writer, items)
    try output.add(
      message, body: writer.bytes, steps: insertion.stepCount, items: items.reduce(0) { $0 + $1.count },
      to: target)
  }
}
