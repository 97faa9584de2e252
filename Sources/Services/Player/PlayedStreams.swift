// What the player sends of each recorded message.

internal import Experience
internal import Foundations
internal import Wire

/// Turns recorded messages into messages of the player, which the replay accepts.
///
/// * Each stream of each recorded writer is a stream of the player's. A chunk that does not
///   continue what was played of its stream is marked `cut`.
/// * Items are left out, and counted, if some of their steps were not played, or lie on both sides
///   of a cut. Chunks whose indices go back, and second items of a first step, are left out and
///   counted as well: a recording may hold a message twice.
/// * Items without a priority get the one that they took in the recorded replay.
///
/// Call `plan` for each message in order, then `encode` if it returned true.
struct PlayedStreams {
  /// What was sent and what was left out.
  struct Counters: Equatable {
    var messages: UInt64 = 0
    var steps: UInt64 = 0
    var items: UInt64 = 0
    /// Messages whose number was played already.
    var messagesRepeated: UInt64 = 0
    /// Steps of chunks whose indices go back.
    var stepsRefused: UInt64 = 0
    /// Items with steps that were not played, or were cut apart.
    var itemsWithoutFirstStep: UInt64 = 0
    /// Second items of a first step, items far out of order, and items of unknown tables.
    var itemsRefused: UInt64 = 0
  }

  private struct WriterKey: Hashable {
    var incarnation: Identifier
    var writer: PublicName
  }

  private struct StreamKey: Hashable {
    var writer: Int
    var stream: UInt32
  }

  private struct Owner {
    var key: StreamKey
    var played: UInt64
  }

  private struct PlannedChunk {
    /// In the recorded message.
    var index: Int
    var header: ChunkHeader
  }

  private struct PlannedBlock {
    var table = 0
    var items = ItemColumns()
  }

  private(set) var counters = Counters()
  private let tables: Int
  private var pass = 0
  /// The last number of each incarnation's messages in this pass.
  private var lastNumbers: [Identifier: UInt64] = [:]
  private var writers: [WriterKey: Int] = [:]
  private var numbers: [StreamKey: Int] = [:]
  private var streams: [PlayedStream] = []
  /// The recorded stream of each of them, and the message that played it last.
  private var owners: [Owner] = []
  private let streamsMax: Int
  /// Messages planned.
  private var played: UInt64 = 0
  /// The message that is being planned. Blocks beyond `blockCount` are memory for the next ones.
  private var chunks: [PlannedChunk] = []
  private var blocks: [PlannedBlock] = []
  private var blockCount = 0
  /// By table: the priority that the next item without one took.
  private var largest: [Float] = []

  /// - Parameter streamsMax: a replay takes at most 65,536 streams, and a long recording may have
  ///   more, of actors that came and went. Beyond these, a stream goes on behind one that has not
  ///   been played for long.
  init(tables: Int, streamsMax: Int = 1 << 15) {
    self.tables = tables
    self.streamsMax = streamsMax
  }

  /// Begins a pass from the recording's beginning. No item spans steps of two passes.
  mutating func beginPass() {
    pass += 1
    lastNumbers.removeAll()
  }

  /// The number of a recorded writer, in the order of their first messages.
  mutating func number(ofWriter writer: PublicName, incarnation: Identifier) -> Int {
    let key = WriterKey(incarnation: incarnation, writer: writer)
    if let number = writers[key] { return number }
    writers[key] = writers.count
    return writers.count - 1
  }

  /// Chunks of the planned message.
  var chunkCount: Int { chunks.count }

  /// Decides what is sent of a message; false if nothing is.
  ///
  /// - Parameters:
  ///   - writer: its number.
  ///   - epoch: rises when what was sent of the writer's streams is lost, or they have moved.
  mutating func plan(
    _ message: Accepted, incarnation: Identifier, _ insertion: Insertion, writer: Int, epoch: UInt64
  ) -> Bool {
    chunks.removeAll(keepingCapacity: true)
    blockCount = 0
    if let last = lastNumbers[incarnation], message.number <= last {
      counters.messagesRepeated += 1
      return false
    }
    lastNumbers[incarnation] = message.number
    played += 1
    for index in insertion.chunks.indices { plan(chunk: index, of: insertion, writer, epoch) }
    largest.removeAll(keepingCapacity: true)
    largest.append(contentsOf: message.priorities)
    for block in insertion.items { plan(block, writer, epoch) }
    let isSent = !chunks.isEmpty || blockCount > 0
    counters.messages += isSent ? 1 : 0
    return isSent
  }

  /// Writes the planned message's chunks and items behind its head.
  func encode(_ insertion: Insertion, into frame: FrameWriter) {
    for chunk in chunks {
      Insert.chunk(frame, chunk.header, columns: insertion.columns(ofChunk: chunk.index))
    }
    Insert.beginItems(frame, blocks: blockCount)
    for block in blocks[..<blockCount] {
      block.items.withBlock(table: block.table) { Insert.items(frame, $0) }
    }
  }
}

extension PlayedStreams {
  private mutating func plan(chunk index: Int, of insertion: Insertion, _ writer: Int, _ epoch: UInt64) {
    let header = insertion.chunks[index]
    let flags = insertion.column(insertion.columnsPerChunk - 1, ofChunk: index)
    guard let first = flags.first, let last = flags.last else { return }
    let key = StreamKey(writer: writer, stream: header.stream)
    let number = numbers[key] ?? addStream(key, firstIndex: header.firstIndex, epoch: epoch)
    owners[number].played = played
    let sent = streams[number].play(
      header, first: StepFlags(rawValue: first), last: StepFlags(rawValue: last), pass: pass, epoch: epoch)
    guard var sent else {
      counters.stepsRefused += UInt64(header.count)
      return
    }
    sent.stream = UInt32(truncatingIfNeeded: number)
    chunks.append(PlannedChunk(index: index, header: sent))
    counters.steps += UInt64(header.count)
  }

  /// The number of a new stream. Beyond the most it is that of the stream that was played least
  /// recently. O(streams) then.
  private mutating func addStream(_ key: StreamKey, firstIndex: UInt64, epoch: UInt64) -> Int {
    guard streams.count == streamsMax,
      let oldest = owners.indices.min(by: { owners[$0].played < owners[$1].played })
    else {
      numbers[key] = streams.count
      owners.append(Owner(key: key, played: played))
      streams.append(PlayedStream(firstIndex: firstIndex, tables: tables, pass: pass, epoch: epoch))
      return streams.count - 1
    }
    numbers[owners[oldest].key] = nil
    numbers[key] = oldest
    owners[oldest].key = key
    streams[oldest].takeOver()
    return oldest
  }

  private mutating func plan(_ block: ItemBlock, _ writer: Int, _ epoch: UInt64) {
    guard block.table < tables else {
      counters.itemsRefused += UInt64(block.count)
      return
    }
    if blockCount == blocks.count { blocks.append(PlannedBlock()) }
    var items = ItemColumns()
    swap(&items, &blocks[blockCount].items)
    items.removeAll()
    add(block, writer, epoch, to: &items)
    if items.count > 0 {
      counters.items += UInt64(items.count)
      blocks[blockCount].table = block.table
      swap(&items, &blocks[blockCount].items)
      blockCount += 1
    } else {
      swap(&items, &blocks[blockCount].items)
    }
  }

  /// Appends the items of a block that can be played.
  private mutating func add(_ block: ItemBlock, _ writer: Int, _ epoch: UInt64, to items: inout ItemColumns) {
    let table = block.table
    // A recording without priorities is not one of ours; its items then take the replay's largest.
    let isExplicit = block.priorities != nil || table < largest.count
    var most = table < largest.count ? largest[table] : 0
    var stream: UInt32 = 0
    var number: Int?
    for index in 0..<block.count {
      let item = block[index]
      // As the store does it: an item that is left out raises the largest priority as well.
      let priority = item.priority ?? most
      if priority > most { most = priority }
      // Writers send items stream by stream, so one look-up serves a run of items.
      if number == nil || item.stream != stream {
        stream = item.stream
        number = numbers[StreamKey(writer: writer, stream: stream)]
      }
      guard let number,
        streams[number].holds(first: item.firstIndex, count: item.count, pass: pass, epoch: epoch)
      else {
        counters.itemsWithoutFirstStep += 1
        continue
      }
      guard streams[number].addItem(table: table, first: item.firstIndex) else {
        counters.itemsRefused += 1
        continue
      }
      let first = item.firstIndex &+ streams[number].shift
      if isExplicit {
        items.append(number, first: first, span: item.count, priority: priority)
      } else {
        items.append(number, first: first, span: item.count)
      }
    }
    if table < largest.count { largest[table] = most }
  }
}
