// Copies sequences and records into a batch.

internal import Experience

/// Writes `length` steps for each item, with all fields and flags. Steps that a shorter item lacks
/// are zeros.
struct RowGatherer {
  private let ring: StepRing
  private let length: Int
  private let columns: [GatherColumn]
  private let flags: UnsafeMutableRawPointer
  /// The column of valid lengths; nil unless sequences are padded.
  private let validLengths: UnsafeMutableRawPointer?

  init(_ ring: StepRing, length: Int, into buffers: [UnsafeMutableRawBufferPointer]) {
    self.ring = ring
    self.length = length
    let fields = ring.schema.fields.count
    columns = (0..<fields).map { GatherColumn(ring, field: $0, to: buffers[$0].baseAddress!) }
    flags = buffers[fields].baseAddress!
    validLengths = buffers.count > fields + 1 ? buffers[fields + 1].baseAddress! : nil
  }

  /// How many rows ahead cache lines are prefetched.
  private static let ahead = 16

  /// Returns false if a frame before one of the items has been evicted.
  func gather(_ draw: Draw, _ rows: Range<Int>) -> Bool {
    let history = ring.layout.history
    return withUnsafeTemporaryAllocation(of: Int.self, capacity: history + length * 2) { memory in
      let window = memory.baseAddress!
      // For each step, the window index at which its episode begins.
      let begins = window + history + length
      var isWhole = true
      for index in rows {
        if index + Self.ahead < rows.upperBound { prefetch(draw.keys[index + Self.ahead]) }
        if history > 0, !ring.writeHistory(before: draw.keys[index], to: window) { isWhole = false }
        let (row, span) = (index - rows.lowerBound, Int(draw.spans[index]))
        walk(draw.keys[index], span, to: row, window + history, begins)
        for column in columns {
          if column.stack == 1 {
            column.copy(window + history, count: span, to: row * length)
          } else {
            copyStacks(column, window, begins, span, row)
          }
          pad(column.destination, column.byteCount * column.stack, span, row)
        }
        pad(flags, 1, span, row)
        validLengths?.storeBytes(of: Int32(truncatingIfNeeded: span), toByteOffset: row * 4, as: Int32.self)
      }
      return isWhole
    }
  }

  /// Writes an item's flags, and collects the slots of its steps and the window index at which each
  /// step's episode begins.
  @inline(__always)
  private func walk(
    _ key: UInt64, _ span: Int, to row: Int, _ slots: UnsafeMutablePointer<Int>,
    _ begins: UnsafeMutablePointer<Int>
  ) {
    let history = ring.layout.history
    var cursor = StepCursor(ring, position: key)
    var begin = 0
    for step in 0..<span {
      if step > 0 { cursor.advance(ring) }
      let flag = ring.flags(cursor.slot)
      if flag.contains(.isFirst) { begin = history + step }
      slots[step] = cursor.slot
      begins[step] = begin
      flags.storeBytes(of: flag.rawValue, toByteOffset: row * length + step, as: UInt8.self)
    }
  }

  private func copyStacks(
    _ column: GatherColumn, _ window: UnsafeMutablePointer<Int>, _ begins: UnsafeMutablePointer<Int>,
    _ span: Int, _ row: Int
  ) {
    let history = ring.layout.history
    for step in 0..<span {
      let first = history + step + 1 - column.stack
      let place = (row * length + step) * column.stack
      // Within the first frames of an episode, its first frame stands for the missing ones.
      let missing = max(0, min(begins[step] - first, column.stack))
      for plane in 0..<missing { column.copy(window[begins[step]], to: place + plane) }
      column.copy(window + first + missing, count: column.stack - missing, to: place + missing)
    }
  }

  @inline(__always)
  private func pad(_ column: UnsafeMutableRawPointer, _ stepBytes: Int, _ span: Int, _ row: Int) {
    if span == length { return }
    (column + (row * length + span) * stepBytes).initializeMemory(
      as: UInt8.self, repeating: 0, count: (length - span) * stepBytes)
  }

  @inline(__always)
  private func prefetch(_ key: UInt64) {
    let slot = ring.slot(key)
    prefetchLine(ring.references + slot)
    prefetchLine(ring.row(slot))
  }
}
