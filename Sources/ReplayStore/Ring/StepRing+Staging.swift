// Checks a message's chunks before anything is overwritten.

internal import Experience

/// What staging a chunk changed in its stream.
struct StagedChunk {
  var stream: UInt32
  var isNewStream: Bool
  var nextIndex: UInt64
  var lastFlags: StepFlags
  /// The chunk that it continues; `ChunkEntry.none` if it continues no live chunk.
  var previous: UInt64
}

extension StepRing {
  /// Checks all chunks and enters them in the directory at their future positions. O(chunks), and
  /// one pass over the flags and floats. If it throws, nothing has changed.
  func stage(_ insertion: Insertion, writer: Int) throws(ReplayStoreError) {
    try checkShape(insertion)
    stagedFrom = directory.end
    undo.removeAll(keepingCapacity: true)
    var position = head
    do {
      for index in insertion.chunks.indices {
        try stage(chunk: index, of: insertion, writer: writer, at: position)
        position += UInt64(insertion.chunks[index].count)
      }
    } catch {
      rollback()
      throw error
    }
  }

  /// Steps of the staged message.
  var stagedStepCount: Int {
    (stagedFrom..<directory.end).reduce(0) { $0 + Int(directory[$1].count) }
  }

  /// Undoes what `stage` did.
  func rollback() {
    for staged in undo.reversed() {
      let record = streams.records + Int(staged.stream)
      record.pointee.chunks.removeLast()
      record.pointee.nextIndex = staged.nextIndex
      record.pointee.lastFlags = staged.lastFlags
      if staged.previous != ChunkEntry.none { directory[staged.previous].next = ChunkEntry.none }
      directory.removeLast()
      if staged.isNewStream { streams.remove(staged.stream) }
    }
    undo.removeAll(keepingCapacity: true)
  }

  /// Checks that the columns have the sizes that their maker promised, and that the message fits.
  private func checkShape(_ insertion: Insertion) throws(ReplayStoreError) {
    let columns = schema.columnCount
    guard insertion.columnsPerChunk == columns,
      insertion.columns.count == columns * insertion.chunks.count
    else {
      throw .message(
        "expected \(columns) columns for each of \(insertion.chunks.count) chunks, "
          + "found \(insertion.columns.count) columns, \(insertion.columnsPerChunk) a chunk")
    }
    var steps = 0
    for (index, header) in insertion.chunks.enumerated() {
      if header.count < 1 || header.count > room - steps {
        let problem =
          header.count < 1
          ? "expected at least 1 step, found \(header.count)"
          : "expected a message of at most \(room) steps (the capacity), found more"
        throw .chunk(index: index, stream: header.stream, problem: problem)
      }
      steps += header.count
      for (column, buffer) in insertion.columns[index * columns..<(index + 1) * columns].enumerated() {
        let bytes = header.count * (column < schema.fields.count ? schema.fields[column].byteCount : 1)
        if buffer.count == bytes { continue }
        throw .chunk(
          index: index, stream: header.stream,
          problem: "column \(column): expected \(bytes) bytes, found \(buffer.count)")
      }
    }
  }

  private func stage(chunk index: Int, of insertion: Insertion, writer: Int, at position: UInt64)
    throws(ReplayStoreError)
  {
    let header = insertion.chunks[index]
    let flags = insertion.column(insertion.columnsPerChunk - 1, ofChunk: index)
    if let problem = Self.flagsProblem(flags) {
      throw .chunk(index: index, stream: header.stream, problem: problem)
    }
    if let problem = numberProblem(insertion, chunk: index) {
      throw .chunk(index: index, stream: header.stream, problem: problem)
    }
    let (end, overflow) = header.firstIndex.addingReportingOverflow(UInt64(header.count))
    if overflow {
      throw .chunk(
        index: index, stream: header.stream,
        problem: "expected indices below 2⁶⁴, found \(header.firstIndex) + \(header.count)")
    }
    let key = Stream.Key(writer: writer, stream: header.stream)
    let known = streams.number(of: key)
    let first = StepFlags(rawValue: flags[0])
    if let known, let problem = Self.orderProblem(streams.records[Int(known)], header, first) {
      throw .chunk(index: index, stream: header.stream, problem: problem)
    }
    guard let number = known ?? streams.add(key, firstIndex: header.firstIndex) else {
      throw .chunk(
        index: index, stream: header.stream,
        problem: "expected at most \(streams.countMax) streams, found one more")
    }
    let staged = link(header, to: number, isNew: known == nil)
    undo.append(staged)
    let record = streams.records + Int(number)
    record.pointee.chunks.append(UInt32(truncatingIfNeeded: directory.end))
    record.pointee.nextIndex = end
    record.pointee.lastFlags = StepFlags(rawValue: flags[flags.count - 1])
    directory.append(
      ChunkEntry(
        position: position, firstIndex: header.firstIndex, weightsVersion: header.weightsVersion,
        next: ChunkEntry.none, previous: staged.previous, stream: number, count: UInt32(header.count)))
  }

  /// Links the stream's newest chunk to the one about to be appended, if that continues it.
  private func link(_ header: ChunkHeader, to number: UInt32, isNew: Bool) -> StagedChunk {
    let record = streams.records[Int(number)]
    var staged = StagedChunk(
      stream: number, isNewStream: isNew, nextIndex: record.nextIndex, lastFlags: record.lastFlags,
      previous: ChunkEntry.none)
    if !header.isCut, header.firstIndex == record.nextIndex, record.chunks.count > 0 {
      let previous = directory.number(of: record.chunks[record.chunks.count - 1])
      // The chunk that it would continue may be damaged.
      if directory[previous].isLost { return staged }
      staged.previous = previous
      directory[previous].next = directory.end
    }
    return staged
  }

  /// Why a chunk cannot come next in its stream; nil if it can.
  private static func orderProblem(_ stream: Stream, _ header: ChunkHeader, _ first: StepFlags) -> String? {
    let expected = stream.nextIndex
    if header.firstIndex < expected {
      return "expected first index \(expected)\(header.isCut ? " or more" : ""), found \(header.firstIndex)"
    }
    if header.isCut || first.contains(.isFirst) { return nil }
    if header.firstIndex > expected {
      return
        "expected first index \(expected) (or an episode's first step, or a cut), found \(header.firstIndex)"
    }
    if stream.lastFlags.contains(.isLast) {
      return
        "step \(header.firstIndex): expected isFirst after the last step of an episode, found flags \(first.rawValue)"
    }
    return nil
  }

  /// Why a column of flags is invalid: unknown bits, isTerminal without isLast, or a step after
  /// isLast that is not isFirst. Nil if it is valid.
  static func flagsProblem(_ flags: UnsafeRawBufferPointer) -> String? {
    let known = StepFlags.known.rawValue
    // isFirst, isLast and isTerminal are bits 0, 1 and 2. `wrong` becomes nonzero with the first
    // invalid step.
    var wrong: UInt8 = 0
    var previous: UInt8 = 0
    for value in flags {
      wrong |= (value & ~known) | (value >> 2 & ~(value >> 1) & 1) | (previous >> 1 & ~value & 1)
      previous = value
    }
    if wrong == 0 { return nil }
    previous = 0
    for (row, value) in flags.enumerated() {
      if value & ~known != 0 { return "row \(row): expected flags within \(known), found \(value)" }
      if value & 6 == 4 { return "row \(row): expected isTerminal only with isLast, found flags \(value)" }
      if previous & 2 != 0, value & 1 == 0 {
        return "row \(row): expected isFirst after the last step of an episode, found flags \(value)"
      }
      previous = value
    }
    return nil
  }
}
