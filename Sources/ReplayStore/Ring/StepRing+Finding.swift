// From an index in a stream to a position, and from a position to the next steps.

internal import Experience

/// Where an item's steps are.
enum ItemLocation {
  /// The first step, or a frame that its stack needs, is gone or is about to be evicted.
  case gone
  case at(UInt64, chunk: UInt64)
}

/// What a table allows an item to be.
struct ItemShape {
  /// Steps that an item may span. Fewer than the upper bound only if its last step ends the
  /// episode.
  let spans: ClosedRange<Int>
  /// Whether an item may hold steps of several episodes.
  let crossesEpisodes: Bool
  /// Whether an item lies in one episode and needs no frames before its first step.
  let isPlain: Bool

  init(_ kind: TableKind, _ ring: StepRing) {
    spans = kind.spans
    crossesEpisodes = kind.crossesEpisodes
    isPlain = !crossesEpisodes && ring.layout.history == 0
  }
}

/// The chunk in which the last item begins. The stream's next items mostly lie in it and are found
/// without a search.
struct ChunkInView {
  private let entry: ChunkEntry
  private let flags: FlagsColumn

  init(_ ring: StepRing, chunk: UInt64, insertion: Insertion) {
    entry = ring.directory[chunk]
    flags = ring.flagsColumn(chunk, entry, insertion)
  }

  /// The position of a plain item's first step if all its steps lie in this chunk and in one
  /// episode; else nil, and the item must be searched for.
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

  /// Moves to the stream's next step, which must exist.
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
  /// Locates `span` steps of a stream from `firstIndex` on, live or staged. Checks that they are
  /// consecutive; that they lie in one episode, unless the table's kind crosses episodes; and that
  /// a shorter item ends with its episode. `gone` if a step or a frame of its stacks is gone.
  /// `tail` is the tail after the message's evictions.
  ///
  /// O(log(chunks of the stream) + span); O(span) if the steps are in the newest chunk.
  func locate(
    _ record: Stream, firstIndex: UInt64, span: Int, shape: ItemShape, tail: UInt64, insertion: Insertion
  ) throws(Refusal) -> ItemLocation {
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
      throw Refusal("expected steps that were sent, found step \(firstIndex) in a gap of the stream")
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

  /// Checks an item that is not plain; false if a step or a frame is gone. Not inlined, so that
  /// plain items do not pay for it.
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

  /// The newest chunk of a stream that starts at or before `index`; nil if all such chunks are
  /// evicted.
  private func chunk(of record: Stream, holding index: UInt64) -> UInt64? {
    let chunks = record.chunks
    guard chunks.count > 0 else { return nil }
    let newest = directory.number(of: chunks[chunks.count - 1])
    if directory[newest].firstIndex <= index { return newest }
    // Chunks below `low` start at or before the index; chunks from `high` on start after it.
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

  /// Checks that no episode starts after the first step or ends before the last, and that no chunk
  /// between is cut. False if a chunk is damaged.
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
              "expected the full span, or an episode's last step at the end, found a span of \(span) without it"
            )
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

  /// Checks that no chunk between the first and the last step is cut. False if a chunk is damaged.
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

  /// The flags of a chunk's steps: in the message if it is staged, else in the ring.
  @inline(__always)
  func flagsColumn(_ number: UInt64, _ entry: ChunkEntry, _ insertion: Insertion) -> FlagsColumn {
    guard number >= stagedFrom else { return FlagsColumn(self, entry) }
    return FlagsColumn(insertion.column(insertion.columnsPerChunk - 1, ofChunk: Int(number - stagedFrom)))
  }
}

/// Why an item is refused; the caller adds which item it is.
struct Refusal: Error {
  var problem: String
  init(_ problem: String) { self.problem = problem }
}
