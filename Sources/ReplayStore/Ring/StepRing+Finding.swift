// From a stream's index to a position, and from a position to the steps after it.

internal import Experience

/// Where the steps of an item are.
enum ItemPlace {
  /// Its first step is or will be evicted.
  case gone
  case at(UInt64)
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
  /// Where `span` steps of a stream from `firstIndex` on are, among live and staged ones; checks that they are steps of
  /// one episode that follow each other and, if `mustEnd`, that the last one ends the episode. `tail` is the tail there
  /// will be. O(log(chunks of the stream) + span); O(span) if they are in its newest chunk.
  func place(
    _ record: Stream, firstIndex: UInt64, span: Int, mustEnd: Bool, tail: UInt64, insertion: Insertion
  ) throws(Refusal) -> ItemPlace {
    let (lastIndex, overflow) = firstIndex.addingReportingOverflow(UInt64(span - 1))
    if overflow || lastIndex >= record.nextIndex {
      throw Refusal(
        "expected steps up to index \(record.nextIndex &- 1), the last one sent, found \(firstIndex) + \(span) steps"
      )
    }
    guard let number = chunk(of: record, holding: firstIndex) else { return .gone }
    let entry = directory[number]
    let offset = firstIndex - entry.firstIndex
    guard offset < UInt64(entry.count) else {
      throw Refusal("step \(firstIndex) was never sent: the stream has a gap there")
    }
    if entry.position + offset < tail { return .gone }
    try checkEpisode(number, offset: Int(offset), span: span, mustEnd: mustEnd, insertion: insertion)
    return .at(entry.position + offset)
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

  /// No episode may start after the first step nor end before the last, and no chunk between be cut.
  private func checkEpisode(
    _ start: UInt64, offset: Int, span: Int, mustEnd: Bool, insertion: Insertion
  ) throws(Refusal) {
    var number = start
    var row = offset
    var left = span
    // 0 for the item's first step, whose isFirst does not matter.
    var inside: UInt8 = 0
    while true {
      let entry = directory[number]
      let flags = flagsColumn(number, entry, insertion)
      while row < Int(entry.count) {
        let value = flags.at(row)
        left -= 1
        if value & inside != 0 { throw Refusal("expected steps of one episode, found isFirst within") }
        if left == 0 {
          if mustEnd, value & StepFlags.isLast.rawValue == 0 {
            throw Refusal(
              "expected the full span, or an episode's last step at the end, found a span of \(span) without")
          }
          return
        }
        if value & StepFlags.isLast.rawValue != 0 {
          throw Refusal(
            "expected an episode's last step only at the end of the item, found it \(left) steps before")
        }
        inside = StepFlags.isFirst.rawValue
        row += 1
      }
      if entry.next == ChunkEntry.none {
        throw Refusal("expected steps that follow each other, found a cut within")
      }
      number = entry.next
      row = 0
    }
  }

  /// The flags of a chunk's steps: of a staged one in its frame, else in the ring.
  private func flagsColumn(_ number: UInt64, _ entry: ChunkEntry, _ insertion: Insertion) -> FlagsColumn {
    if number >= stagedFrom {
      let column = insertion.column(insertion.columnsPerChunk - 1, ofChunk: Int(number - stagedFrom))
      return FlagsColumn(base: column.baseAddress!, stride: 1, start: 0, capacity: .max)
    }
    return FlagsColumn(
      base: UnsafeRawPointer(rows) + layout.flagsOffset, stride: layout.rowStride,
      start: slot(entry.position),
      capacity: capacity)
  }
}

/// A strided column of flags that may go around the ring's end.
private struct FlagsColumn {
  var base: UnsafeRawPointer
  var stride: Int
  var start: Int
  var capacity: Int

  @inline(__always)
  func at(_ row: Int) -> UInt8 {
    var slot = start + row
    if slot >= capacity { slot -= capacity }
    return base.load(fromByteOffset: slot * stride, as: UInt8.self)
  }
}

/// Why an item is refused, before it is known which.
struct Refusal: Error {
  var problem: String
  init(_ problem: String) { self.problem = problem }
}
