// From a stream's index to a position, and from a position to the steps after it.

internal import Experience

/// Where the steps of an item are.
enum ItemPlace {
  /// Its first step is or will be evicted.
  case gone
  case at(UInt64, chunk: UInt64)
}

/// What a table's items may be.
struct ItemShape {
  /// Steps that one may span; fewer than the most only where the last one ends the episode.
  let spans: ClosedRange<Int>
  /// It may hold steps of several episodes.
  let crossesEpisodes: Bool
  /// It is of one episode, and needs no frames before its first step.
  let isPlain: Bool

  init(_ kind: TableKind, _ ring: StepRing) {
    spans = kind.spans
    crossesEpisodes = kind.crossesEpisodes
    isPlain = !crossesEpisodes && ring.layout.history == 0
  }
}

/// The chunk in which an item begins: the stream's next items are mostly within it, and then found without a search.
struct ChunkInView {
  private let entry: ChunkEntry
  private let flags: FlagsColumn

  init(_ ring: StepRing, chunk: UInt64, insertion: Insertion) {
    entry = ring.directory[chunk]
    flags = ring.flagsColumn(chunk, entry, insertion)
  }

  /// The position of a plain item's first step, if all its steps are in this chunk and of one episode; else nil: then look for it.
  @inline(__always)
  func position(firstIndex: UInt64, span: Int) -> UInt64? {
    let offset = firstIndex &- entry.firstIndex
    guard offset < UInt64(entry.count), UInt64(span) <= UInt64(entry.count) - offset else { return nil }
    for row in Int(offset)..<Int(offset) + span - 1
    where flags.at(row).contains(.isLast) || flags.at(row + 1).contains(.isFirst) { return nil }
    return entry.position + offset
  }
}

/// A walk along a stream from a live step, over chunks that continue each other.
struct StepCursor {
  private(set) var slot: Int
  private var left: UInt64
  private var chunk: UInt64

  /// Starts at a live position.
  @inline(__always)
  init(_ ring: StepRing, position: UInt64) {
    slot = ring.slot(position)
    chunk = ring.directory.number(of: ring.references[slot])
    left = ring.directory[chunk].end - position
  }

  /// Goes to the stream's next step, which is known to be there.
  @inline(__always)
  mutating func advance(_ ring: StepRing) {
    left -= 1
    if left > 0 {
      slot += 1
      if slot == ring.capacity { slot = 0 }
    } else {
      chunk = ring.directory[chunk].next
      let entry = ring.directory[chunk]
      slot = ring.slot(entry.position)
      left = UInt64(entry.count)
    }
  }
}

extension StepRing {
  /// Where `span` steps of a stream from `firstIndex` on are, among live and staged ones; checks that they follow each other, are
  /// of one episode unless the kind crosses, and, where they are fewer than the most, that the last one ends the episode. An item
  /// whose stack's frames are not all there is gone too. `tail` is the tail there will be.
  /// O(log(chunks of the stream) + span); O(span) if they are in its newest chunk.
  func place(
    _ record: Stream, firstIndex: UInt64, span: Int, shape: ItemShape, tail: UInt64, insertion: Insertion
  ) throws(Refusal) -> ItemPlace {
    let (lastIndex, overflow) = firstIndex.addingReportingOverflow(UInt64(span - 1))
    if overflow || lastIndex >= record.nextIndex {
      throw Refusal(
        "expected steps up to index \(record.nextIndex &- 1), the last one sent, found \(firstIndex) + \(span) steps"
      )
    }
    guard let number = chunk(of: record, holding: firstIndex) else { return .gone }
    let entry = directory[number]
    if entry.isLost { return .gone }
    let offset = firstIndex - entry.firstIndex
    guard offset < UInt64(entry.count) else {
      throw Refusal("step \(firstIndex) was never sent: the stream has a gap there")
    }
    if entry.position + offset < tail { return .gone }
    let mustEnd = span < shape.spans.upperBound
    if shape.isPlain {
      let isWhole = try checkEpisode(
        number, offset: Int(offset), span: span, mustEnd: mustEnd, insertion: insertion)
      if !isWhole { return .gone }
    } else {
      let isWhole = try checkOther(
        number, offset: Int(offset), span: span, mustEnd: mustEnd, shape: shape, tail: tail,
        insertion: insertion)
      if !isWhole { return .gone }
    }
    return .at(entry.position + offset, chunk: number)
  }

  /// Items that are not plain; false if a step, or a frame before the first one, is gone. Apart, so
  /// that plain ones do not pay for it.
  @inline(never)
  private func checkOther(
    _ number: UInt64, offset: Int, span: Int, mustEnd: Bool, shape: ItemShape, tail: UInt64,
    insertion: Insertion
  ) throws(Refusal) -> Bool {
    if shape.crossesEpisodes {
      guard try checkNoCut(number, offset: offset, span: span) else { return false }
    } else {
      guard
        try checkEpisode(number, offset: offset, span: span, mustEnd: mustEnd, insertion: insertion)
      else { return false }
    }
    return layout.history == 0
      || hasHistory(number, offset: offset, tail: tail, insertion: insertion)
  }

  /// The newest chunk of a stream that starts at or before `index`; nil if none that is left does.
  private func chunk(of record: Stream, holding index: UInt64) -> UInt64? {
    let chunks = record.chunks
    guard chunks.count > 0 else { return nil }
    let newest = directory.number(of: chunks[chunks.count - 1])
    if directory[newest].firstIndex <= index { return newest }
    // low: chunks known to start at or before the index; high: the first known to start after it.
    var low = 0
    var high = chunks.count - 1
    while low < high {
      let middle = (low + high) / 2
      if directory[directory.number(of: chunks[middle])].firstIndex <= index {
        low = middle + 1
      } else {
        high = middle
      }
    }
    return low == 0 ? nil : directory.number(of: chunks[low - 1])
  }

  /// No episode may start after the first step nor end before the last, and no chunk between be
  /// cut. False if one is lost.
  @inline(__always)
  private func checkEpisode(
    _ start: UInt64, offset: Int, span: Int, mustEnd: Bool, insertion: Insertion
  ) throws(Refusal) -> Bool {
    var number = start
    var row = offset
    var left = span
    // 0 for the item's first step, whose isFirst does not matter.
    var inside: UInt8 = 0
    while true {
      let entry = directory[number]
      let flags = flagsColumn(number, entry, insertion)
      while row < Int(entry.count) {
        let value = flags.at(row).rawValue
        left -= 1
        if value & inside != 0 { throw Refusal("expected steps of one episode, found isFirst within") }
        if left == 0 {
          if mustEnd, value & StepFlags.isLast.rawValue == 0 {
            throw Refusal(
              "expected the full span, or an episode's last step at the end, found a span of \(span) without")
          }
          return true
        }
        if value & StepFlags.isLast.rawValue != 0 {
          throw Refusal(
            "expected an episode's last step only at the end of the item, found it \(left) steps before")
        }
        inside = StepFlags.isFirst.rawValue
        row += 1
      }
      if !entry.hasNext {
        if entry.next == ChunkEntry.lost { return false }
        throw Refusal("expected steps that follow each other, found a cut within")
      }
      number = entry.next
      row = 0
    }
  }

  /// No chunk between the first and the last step may be cut. False if one is lost.
  private func checkNoCut(_ start: UInt64, offset: Int, span: Int) throws(Refusal) -> Bool {
    var entry = directory[start]
    var left = span - (Int(entry.count) - offset)
    while left > 0 {
      if !entry.hasNext {
        if entry.next == ChunkEntry.lost { return false }
        throw Refusal("expected steps that follow each other, found a cut within")
      }
      entry = directory[entry.next]
      left -= Int(entry.count)
    }
    return true
  }

  /// The flags of a chunk's steps: of a staged one in its frame, else in the ring.
  @inline(__always)
  func flagsColumn(_ number: UInt64, _ entry: ChunkEntry, _ insertion: Insertion) -> FlagsColumn {
    guard number >= stagedFrom else { return FlagsColumn(self, entry) }
    return FlagsColumn(insertion.column(insertion.columnsPerChunk - 1, ofChunk: Int(number - stagedFrom)))
  }
}

/// Why an item is refused, before it is known which.
struct Refusal: Error {
  var problem: String
  init(_ problem: String) { self.problem = problem }
}
