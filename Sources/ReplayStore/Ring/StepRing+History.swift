// The earlier frames that a step's stack needs.

internal import Experience

extension StepRing {
  /// Whether the ring holds all frames of a live step's stacks: back to the episode's first step,
  /// or as many as the largest stack has. O(history).
  func hasHistory(_ position: UInt64) -> Bool {
    if layout.history == 0 { return true }
    let number = directory.number(of: references[slot(position)])
    let offset = Int(position - directory[number].position)
    return hasHistory(number, offset: offset, tail: tail, insertion: Insertion(columnsPerChunk: 0))
  }

  /// The same for the step at `offset` in chunk `number`, live or staged. `tail` is the tail after
  /// the message's evictions.
  @inline(never)
  func hasHistory(_ number: UInt64, offset: Int, tail: UInt64, insertion: Insertion) -> Bool {
    var left = layout.history
    var number = number
    var row = offset
    var column = flagsColumn(number, directory[number], insertion)
    while !column.at(row).contains(.isFirst) {
      if left == 0 { return true }
      if row == 0 {
        number = directory[number].previous
        // Chunks are evicted whole, so one position decides for all of the chunk.
        guard number != ChunkEntry.none, directory.isLive(number), directory[number].position >= tail else {
          return false
        }
        column = flagsColumn(number, directory[number], insertion)
        row = Int(directory[number].count)
      }
      row -= 1
      left -= 1
    }
    return true
  }

  /// Writes the slots of the `layout.history` frames before a live step, oldest first. If the
  /// episode begins later, its first step's slot stands for the missing ones. Returns false if a
  /// frame is gone, and repeats the oldest frame that is left.
  @inline(__always)
  func writeHistory(before position: UInt64, to slots: UnsafeMutablePointer<Int>) -> Bool {
    var slot = slot(position)
    var number = directory.number(of: references[slot])
    var left = Int(position - directory[number].position)
    var index = layout.history
    var isWhole = true
    while index > 0, !flags(slot).contains(.isFirst) {
      if left > 0 {
        left -= 1
        slot = slot == 0 ? capacity - 1 : slot - 1
      } else {
        number = directory[number].previous
        guard number != ChunkEntry.none, directory.isLive(number) else {
          isWhole = false
          break
        }
        let entry = directory[number]
        left = Int(entry.count) - 1
        slot = self.slot(entry.end - 1)
      }
      index -= 1
      slots[index] = slot
    }
    for earlier in 0..<index { slots[earlier] = slot }
    return isWhole
  }

  /// Calls `body` with the slot of each committed step that loses a frame of its stack with the
  /// oldest chunk: the steps after it in its stream, up to the episode's end. O(history).
  func forEachLosingFrame(_ body: (Int) -> Void) {
    forEachLosingFrame(of: directory.front, before: stagedFrom, body)
  }

  /// The same for another chunk, for steps in chunks before `end`.
  func forEachLosingFrame(of chunk: UInt64, before end: UInt64, _ body: (Int) -> Void) {
    var left = layout.history
    var number = directory[chunk].next
    while left > 0, number != ChunkEntry.none, number < end {
      let entry = directory[number]
      let column = FlagsColumn(self, entry)
      for row in 0..<min(left, Int(entry.count)) {
        if column.at(row).contains(.isFirst) { return }
        body(column.slot(row))
      }
      left -= Int(entry.count)
      number = entry.next
    }
  }
}

/// The flags of a chunk's steps, which may wrap around the ring's end.
struct FlagsColumn {
  private let base: UnsafeRawPointer
  private let stride: Int
  private let start: Int
  private let capacity: Int

  /// The flags of a live chunk.
  init(_ ring: StepRing, _ entry: ChunkEntry) {
    base = UnsafeRawPointer(ring.rows) + ring.layout.flagsOffset
    stride = ring.layout.rowStride
    start = ring.slot(entry.position)
    capacity = ring.capacity
  }

  /// The flags of a staged chunk, in its message.
  init(_ column: UnsafeRawBufferPointer) {
    base = column.baseAddress!
    stride = 1
    start = 0
    capacity = .max
  }

  @inline(__always)
  func slot(_ row: Int) -> Int {
    let slot = start + row
    return slot >= capacity ? slot - capacity : slot
  }

  @inline(__always)
  func at(_ row: Int) -> StepFlags {
    StepFlags(rawValue: base.load(fromByteOffset: slot(row) * stride, as: UInt8.self))
  }
}
