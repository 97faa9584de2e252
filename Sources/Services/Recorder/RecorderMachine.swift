// The recorder, without sockets, files or clock.

internal import Experience
internal import Foundations
internal import Recordings
internal import Wire

/// Receives what the shards' taps publish, and makes the blocks of a recording of it.
///
/// Each incarnation of a shard is a source of the file. Its messages are numbered, so what is
/// missing is known, counted, and said in the file. A message may arrive before the description of
/// its shard; it is then held until that comes.
struct RecorderMachine {
  /// What is to be written, in this order.
  enum Action {
    case source(RecordingSource)
    case block(BlockBuilder)
  }

  struct Counters {
    var messages: UInt64 = 0
    var steps: UInt64 = 0
    var items: UInt64 = 0
    /// Accepted by a shard while the recorder was there or away, and not recorded.
    var missed: UInt64 = 0
    var malformed: UInt64 = 0
  }

  /// A source that messages come from.
  private struct Source {
    var number: Int
    var description: RecordingSource
    /// The number of its next message.
    var next: UInt64
    var block: BlockBuilder
    var blockBegan = Instant.never
    let rowBytes: [Int]
  }

  /// Messages of a shard whose description has not come.
  private struct Held {
    var frames: [[UInt8]] = []
    var bytes = 0
  }

  private let filter: RecordingFilter
  private let blockBytes: Int
  private let blockAge: Instant.Span
  /// Sources that a file has which is gone on with, by incarnation: number and last message.
  private var known: [Identifier: (number: Int, last: UInt64)] = [:]
  private var sourceCount: Int
  private var sources: [Identifier: Source] = [:]
  private var held: [Identifier: Held] = [:]
  private var insertion = Insertion(columnsPerChunk: 1)
  private let scratch = FrameWriter(capacity: 1 << 12)
  private let filtered = FrameWriter(capacity: 1 << 16)
  private var actions: [Action] = []
  private(set) var counters = Counters()
  /// Lines for the log.
  private var notices: [String] = []

  /// Bytes of messages that are held for an incarnation without a description.
  private static let heldBytesMax = 16 << 20
  /// Incarnations for which messages are held: more than a run has shards that restart at once.
  private static let heldMax = 64

  /// - Parameters:
  ///   - found: what the file holds already.
  ///   - blockBytes: bytes of entries at which a block is written.
  ///   - blockAge: a block is written at latest so long after its first message.
  init(
    filter: RecordingFilter, found: RecordingFile.Found, blockBytes: Int = 4 << 20,
    blockAge: Instant.Span = .seconds(1)
  ) {
    self.filter = filter
    self.blockBytes = blockBytes
    self.blockAge = blockAge
    sourceCount = found.sources.count
    for (number, source) in found.sources.enumerated() {
      if let source { known[source.incarnation] = (number, found.lastNumbers[number]) }
    }
  }

  mutating func takeActions() -> [Action] {
    defer { actions.removeAll() }
    return actions
  }

  mutating func takeNotices() -> [String] {
    defer { notices.removeAll() }
    return notices
  }

  /// When `advance` is due at the latest.
  var nextDeadline: Instant { sources.values.map(\.blockBegan).min().map { $0 + blockAge } ?? .never }
}

extension RecorderMachine {
  /// Receives a frame of a tap.
  mutating func receive(_ frame: UnsafeRawBufferPointer, now: Instant) {
    var cursor = FrameCursor(frame)
    do throws(WireError) {
      switch try cursor.openMessage() {
      case .tap: describe(try Tap(from: &cursor), now: now)
      case .accepted:
        let incarnation = try cursor.identifier("the incarnation")
        guard sources[incarnation] != nil else { return hold(frame, of: incarnation) }
        try record(&cursor, of: incarnation, now: now)
      default: counters.malformed += 1
      }
    } catch {
      counters.malformed += 1
      // All are counted; the log has the first.
      guard counters.malformed == 1 else { return }
      notices.append("a shard published what is no message of this version: \(error)")
    }
  }

  /// Ends blocks that are old enough.
  mutating func advance(to now: Instant) {
    for (incarnation, source) in sources where now >= source.blockBegan + blockAge {
      endBlock(of: incarnation)
    }
  }

  /// Ends all blocks.
  mutating func finish() {
    for incarnation in sources.keys { endBlock(of: incarnation) }
  }

  /// Records that a block could not be written.
  mutating func didFail(_ header: BlockHeader, time: Int64) {
    counters.messages -= header.messages
    counters.steps -= header.steps
    counters.items -= header.items
    counters.missed += header.messages
    guard header.messages + header.missed > 0,
      let incarnation = sources.first(where: { $0.value.number == Int(header.source) })?.key
    else { return }
    // Not counted twice: its own missed messages were counted when it was filled.
    let numbers = header.firstNumber...header.lastNumber
    sources[incarnation]?.block.add(MissedMessages(numbers: numbers, time: time), scratch: scratch)
  }
}

extension RecorderMachine {
  private mutating func describe(_ tap: Tap, now: Instant) {
    guard sources[tap.incarnation] == nil, let description = RecordingSource(tap) else { return }
    let unknown = filter.unknownTables(among: tap.tables)
    if !unknown.isEmpty {
      notices.append(
        "shard \(tap.shard) has no table \(unknown.joined(separator: ", ")), only "
          + "\(tap.tables.map(\.name).joined(separator: ", ")): no items of it are recorded")
    }
    let number: Int
    var next = tap.next
    if let earlier = known[tap.incarnation] {
      number = earlier.number
      // What the file has of it ends there; what came since was missed.
      next = earlier.last + 1
      notices.append("going on with shard \(tap.shard) after its message \(earlier.last)")
    } else {
      number = sourceCount
      sourceCount += 1
      actions.append(.source(description))
      let text = tap.next == 1 ? "from its first message" : "from its message \(tap.next) on"
      notices.append("recording shard \(tap.shard) \(text)")
    }
    sources[tap.incarnation] = Source(
      number: number, description: description, next: next, block: BlockBuilder(source: number),
      rowBytes: description.rowBytes)
    let frames = held.removeValue(forKey: tap.incarnation)?.frames ?? []
    for frame in frames { frame.withUnsafeBytes { receive($0, now: now) } }
  }

  /// Keeps a message whose shard is not known yet; beyond the bound its number will be missing.
  private mutating func hold(_ frame: UnsafeRawBufferPointer, of incarnation: Identifier) {
    guard held[incarnation] != nil || held.count < Self.heldMax else { return }
    var own = held[incarnation] ?? Held()
    guard own.bytes + frame.count <= Self.heldBytesMax else { return }
    own.bytes += frame.count
    own.frames.append(Array(frame))
    held[incarnation] = own
  }

  private mutating func record(
    _ cursor: inout FrameCursor, of incarnation: Identifier, now: Instant
  ) throws(WireError) {
    let message = try Accepted(elementsFrom: &cursor)
    let from = cursor.offset
    guard var source = sources[incarnation], message.number >= source.next else { return }
    // The dictionary must not hold a second reference to the block, which would be copied.
    sources[incarnation]?.block = BlockBuilder(source: source.number)
    defer { sources[incarnation] = source }
    insertion.columnsPerChunk = source.rowBytes.count
    try Insert.content(
      from: &cursor, schema: source.description.schema, rowBytes: source.rowBytes, into: &insertion)
    if source.blockBegan == .never { source.blockBegan = now }
    if message.number > source.next {
      let missed = MissedMessages(numbers: source.next...message.number - 1, time: message.time)
      source.block.add(missed, scratch: scratch)
      counters.missed += missed.count
    }
    source.next = message.number + 1
    let body = UnsafeRawBufferPointer(rebasing: cursor.bytes[from...])
    add(message, body: body, to: &source)
    if source.block.content.count >= blockBytes {
      actions.append(.block(source.block))
      source.block = BlockBuilder(source: source.number)
      source.blockBegan = .never
    }
  }

  private mutating func add(_ message: Accepted, body: UnsafeRawBufferPointer, to source: inout Source) {
    var (steps, items) = (insertion.stepCount, insertion.itemCount)
    var body = body
    if !filter.keepsAll {
      guard filter.keeps(actor: message.label),
        let kept = filter.write(
          insertion, of: message.writer, tables: source.description.tables, into: filtered)
      else { return source.block.skip(number: message.number, time: message.time) }
      (steps, items) = kept
      body = filtered.bytes
    }
    source.block.add(message, body: body, steps: steps, items: items, scratch: scratch)
    counters.messages += 1
    counters.steps += UInt64(steps)
    counters.items += UInt64(items)
  }

  private mutating func endBlock(of incarnation: Identifier) {
    guard let source = sources[incarnation], !source.block.isEmpty else { return }
    actions.append(.block(source.block))
    sources[incarnation]?.block = BlockBuilder(source: source.number)
    sources[incarnation]?.blockBegan = .never
  }
}
