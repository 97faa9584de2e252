// All messages of a recording in the order of their times.

internal import Configuration
internal import Experience
internal import Foundations
internal import Recordings
internal import Wire

/// Merges the sources of a recording by time; within a source messages are in the order of their
/// numbers. Another thread reads the blocks, two of each source that is being played.
///
/// Damaged blocks are left out and counted, as are messages that were not recorded.
final class RecordedStream {
  /// What comes next.
  enum Next {
    case message(RecordedMessage)
    /// A block is being read; `descriptor` becomes readable when it is there.
    case loading
    case end
  }

  let schema: StepSchema
  let tables: [TableSchema]
  /// The time from which it is played, in nanoseconds since 1970.
  let origin: Int64
  /// Messages and steps of the blocks in the chosen time, of all actors.
  let messages: UInt64
  let steps: UInt64
  /// Labels in the recording that were seen so far, at most `labelsMax`.
  private(set) var labels: Set<String> = []
  private static let labelsMax = 256

  private let until: Int64
  private let actors: Set<String>
  private let worker: BackgroundWorker
  private var cursors: [RecordedSourceCursor] = []
  /// The cursor of the last message, which is still to be taken.
  private var taking: Int?
  /// Damage of earlier passes and of the descriptions.
  private var damageSeen: Set<RecordingDamage> = []
  private var damageNew: [RecordingDamage] = []
  private var missedByDescription: UInt64 = 0

  /// Opens a recording.
  /// - Throws: `RecordingError` if it cannot be opened, or holds nothing in the chosen time, or
  ///   sources of different schemas or tables; `SystemCallError` if no thread can be had.
  init(_ configuration: PlayerConfiguration) throws {
    let path = configuration.recording
    let reader = try RecordingReader(path: path)
    for damage in reader.damage where damageSeen.insert(damage).inserted { damageNew.append(damage) }
    let beginning = reader.beginning ?? 0
    func time(_ seconds: Double) -> Int64 {
      let (sum, overflow) = beginning.addingReportingOverflow(Instant.Span.seconds(seconds).nanoseconds)
      return overflow ? .max : sum
    }
    origin = configuration.from_s.map(time) ?? beginning
    until = configuration.until_s.map(time) ?? .max
    actors = Set(configuration.actors)
    let (from, to) = (origin, until)
    let chosen = reader.blocks.filter {
      reader.source(of: $0) != nil && $0.header.lastTime >= from && $0.header.firstTime < to
    }
    missedByDescription = reader.blocks.filter { reader.source(of: $0) == nil }
      .reduce(0) { $0 &+ $1.header.messages }
    let numbers = Set(chosen.map { Int($0.header.source) }).sorted()
    guard let first = numbers.first, let source = reader.sources[first] else {
      throw RecordingError(path, Self.emptyProblem(reader, configuration))
    }
    if let problem = Self.difference(numbers, reader) { throw RecordingError(path, problem) }
    (schema, tables) = (source.schema, source.tables)
    messages = chosen.reduce(0) { $0 &+ $1.header.messages }
    steps = chosen.reduce(0) { $0 &+ $1.header.steps }
    worker = try BackgroundWorker()
    for number in numbers {
      guard let source = reader.sources[number] else { continue }
      let blocks = chosen.filter { Int($0.header.source) == number }
        .sorted { ($0.header.firstNumber, $0.offset) < ($1.header.firstNumber, $1.offset) }
      let readers = [try RecordingReader(another: reader), try RecordingReader(another: reader)]
      cursors.append(
        RecordedSourceCursor(incarnation: source.incarnation, blocks: blocks, readers: readers))
    }
  }

  deinit { worker.stop() }

  /// Readable when a block has been read.
  var descriptor: Int32 { worker.descriptor }

  /// Messages that the recording lacks, by what was read so far.
  var missed: UInt64 { cursors.reduce(missedByDescription) { $0 &+ $1.missed } }

  /// The next message. It is valid until the next call.
  func next() -> Next {
    if let index = taking {
      taking = nil
      advance(index)
    }
    while true {
      guard let index = first else { return .end }
      if let message = cursors[index].head {
        guard message.time < until else { return .end }
        taking = index
        return .message(
          RecordedMessage(
            accepted: message, incarnation: cursors[index].incarnation, stream: self, cursor: index))
      }
      read(index)
      // A finished block may hold no message that is played; then another source may be first.
      guard collect() else { return .loading }
    }
  }

  /// Begins from the recording's beginning again. False while a block is being read: try again when
  /// `descriptor` is readable.
  func rewind() -> Bool {
    collect()
    guard !cursors.contains(where: \.isReading) else { return false }
    taking = nil
    for index in cursors.indices { cursors[index].rewind() }
    return true
  }

  /// Damage found since the last call.
  func takeDamage() -> [RecordingDamage] {
    defer { damageNew.removeAll() }
    return damageNew
  }

  fileprivate func insertion(of cursor: Int) -> Insertion? { cursors[cursor].insertion }

  /// The source whose next message comes first.
  private var first: Int? {
    var best: Int?
    for index in cursors.indices where !cursors[index].isAtEnd {
      guard let other = best else {
        best = index
        continue
      }
      // Two sources of one incarnation may hold the same messages: their numbers order them.
      if (cursors[index].time, cursors[index].number) < (cursors[other].time, cursors[other].number) {
        best = index
      }
    }
    return best
  }

  /// Takes over the blocks that have been read; false if there were none. Call it when `descriptor`
  /// is readable, which it then is no more.
  @discardableResult
  func collect() -> Bool {
    let finished = worker.finished()
    for ticket in finished {
      let index = Int(ticket / 2)
      cursors[index].didRead(slot: Int(ticket % 2))
      if cursors[index].head == nil { advance(index) }
    }
    return !finished.isEmpty
  }

  private func advance(_ index: Int) {
    cursors[index].advance { isPlayed($0) }
    for damage in cursors[index].damage where damageSeen.insert(damage).inserted { damageNew.append(damage) }
    cursors[index].damage.removeAll()
    // Read ahead.
    read(index)
  }

  private func read(_ index: Int) {
    cursors[index].read { slot, load in worker.submit(UInt64(index * 2 + slot), load) }
  }

  private func isPlayed(_ message: Accepted) -> Bool {
    if labels.count < Self.labelsMax { labels.insert(message.label) }
    return message.time >= origin && (actors.isEmpty || actors.contains(message.label))
  }
}

/// A message of a recording.
struct RecordedMessage {
  var accepted: Accepted
  /// The incarnation of the shard that accepted it.
  var incarnation: Identifier
  fileprivate let stream: RecordedStream
  fileprivate let cursor: Int

  /// Its chunks and items. Let go of them before the stream's next message is asked for.
  var insertion: Insertion? { stream.insertion(of: cursor) }
}

extension RecordedStream {
  /// Why the sources cannot be played together; nil if they can.
  private static func difference(_ numbers: [Int], _ reader: RecordingReader) -> String? {
    let sources = numbers.compactMap { number in reader.sources[number].map { (number, $0) } }
    guard let (firstNumber, first) = sources.first else { return nil }
    for (number, source) in sources.dropFirst() {
      guard
        let problem = first.schema.mismatch(with: source.schema) ?? first.tables.mismatch(with: source.tables)
      else { continue }
      return
        "source \(number) differs from source \(firstNumber): \(problem); cut the recording into one of each "
        + "(rookery recording cut), or play a part of it (--from, --until)"
    }
    return nil
  }

  private static func emptyProblem(_ reader: RecordingReader, _ configuration: PlayerConfiguration) -> String
  {
    let blocks = reader.blocks.filter { reader.source(of: $0) != nil }
    guard let first = blocks.map(\.header.firstTime).min(), let last = blocks.map(\.header.lastTime).max()
    else { return "expected messages, found none that can be read" }
    let seconds = Double(last - first) / 1e9
    return
      "expected messages from \(configuration.from_s ?? 0) s until \(configuration.until_s ?? seconds) s, "
      + "found a recording of \(seconds) s"
  }
}
