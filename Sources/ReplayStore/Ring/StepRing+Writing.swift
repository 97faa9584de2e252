// Copies a message's columns into the ring.

internal import Experience
internal import Foundations

extension StepRing {
  /// The tail after `steps` more are inserted. Whole chunks are evicted, oldest first; all of them
  /// if the steps exceed the ring. O(evicted chunks).
  func tail(afterInserting steps: Int) -> UInt64 {
    var tail = self.tail
    var number = directory.front
    while Int(head - tail) + steps > room, number < directory.end {
      tail += UInt64(directory[number].count)
      number += 1
    }
    return tail
  }

  /// Writes the staged chunks at the head, where there is room, and moves the head.
  func commit(_ insertion: Insertion, writer: Int, sequence: UInt64) {
    for index in insertion.chunks.indices {
      let count = insertion.chunks[index].count
      precondition(self.count + count <= room, "a chunk written over live steps")
      // A chunk wraps around the ring's end at most once.
      let untilEnd = min(count, capacity - headSlot)
      write(insertion, chunk: index, from: 0, count: untilEnd, slot: headSlot)
      if untilEnd < count { write(insertion, chunk: index, from: untilEnd, count: count - untilEnd, slot: 0) }
      if let folder { record(insertion, chunk: index, writer: writer, sequence: sequence, in: folder) }
      advanceHead(by: count)
    }
    undo.removeAll(keepingCapacity: true)
    stagedFrom = directory.end
  }

  /// Writes the record of a chunk that has been written at the head.
  private func record(
    _ insertion: Insertion, chunk: Int, writer: Int, sequence: UInt64, in folder: StoreFolder
  ) {
    let header = insertion.chunks[chunk]
    // The message holds large fields in the layout of their arenas, and is in memory.
    var columns = Array(repeating: UnsafeRawPointer?.none, count: layout.largeByteCounts.count)
    for (index, place) in layout.places.enumerated() {
      if case .arena(let arena) = place {
        columns[arena] = insertion.column(index, ofChunk: chunk).baseAddress
      }
    }
    var record = ChunkRecord(
      position: head, firstIndex: header.firstIndex, weightsVersion: header.weightsVersion,
      writer: UInt64(writer), stepsChecksum: checksum(slot: headSlot, count: header.count, of: columns),
      sequence: sequence,
      stream: header.stream, count: UInt32(header.count), flags: header.isCut ? ChunkRecord.isCut : 0)
    record.recordChecksum = record.expectedRecordChecksum
    folder.chunks[stagedFrom + UInt64(chunk)] = record
  }

  /// A checksum of the bytes of adjacent steps, which may wrap around the ring's end. It covers
  /// rows and arenas. `columns` may give another address of an arena's bytes.
  func checksum(slot: Int, count: Int, of columns: [UnsafeRawPointer?] = []) -> UInt64 {
    let untilEnd = min(count, capacity - slot)
    var sum: UInt64 = 0
    func add(_ base: UnsafeRawPointer, _ stride: Int, _ second: UnsafeRawPointer) {
      for (start, count) in [(base, untilEnd), (second, count - untilEnd)] where count > 0 {
        let part = Checksum.of(UnsafeRawBufferPointer(start: start, count: count * stride))
        sum = sum &* 0x9E37_79B9_7F4A_7C15 &+ part
      }
    }
    add(rows + slot * layout.rowStride, layout.rowStride, rows)
    for (index, bytes) in layout.largeByteCounts.enumerated() {
      if let column = columns.isEmpty ? nil : columns[index] {
        add(column, bytes, column + untilEnd * bytes)
      } else {
        add(largeArenas[index] + slot * bytes, bytes, UnsafeRawPointer(largeArenas[index]))
      }
    }
    return sum
  }

  private func write(_ insertion: Insertion, chunk: Int, from first: Int, count: Int, slot: Int) {
    let stride = layout.rowStride
    let reference = UInt32(truncatingIfNeeded: stagedFrom &+ UInt64(chunk))
    (references + slot).update(repeating: reference, count: count)
    for (index, field) in layout.fields.enumerated() {
      let bytes = field.byteCount
      let column = insertion.column(index, ofChunk: chunk).baseAddress! + first * bytes
      switch layout.places[index] {
      case .row(let offset):
        Self.scatter(column, width: bytes, to: row(slot) + offset, stride: stride, count: count)
      case .arena(let arena):
        large[arena].write(
          column, at: slot * bytes, count: count * bytes, free: (capacity - room) * bytes)
      }
    }
    let flags = insertion.column(insertion.columnsPerChunk - 1, ofChunk: chunk).baseAddress! + first
    Self.scatter(flags, width: 1, to: row(slot) + layout.flagsOffset, stride: stride, count: count)
  }

  /// Copies one column into rows. The usual widths have loops of their own.
  private static func scatter(
    _ column: UnsafeRawPointer, width: Int, to row: UnsafeMutableRawPointer, stride: Int, count: Int
  ) {
    switch width {
    case 1: scatter(column, as: UInt8.self, to: row, stride: stride, count: count)
    case 4: scatter(column, as: UInt32.self, to: row, stride: stride, count: count)
    case 8: scatter(column, as: UInt64.self, to: row, stride: stride, count: count)
    case 16: scatter(column, as: SIMD2<UInt64>.self, to: row, stride: stride, count: count)
    case 17...32:
      for index in 0..<count {
        let from = column + index * width
        let to = row + index * stride
        let low = from.loadUnaligned(as: SIMD2<UInt64>.self)
        let high = from.loadUnaligned(fromByteOffset: width - 16, as: SIMD2<UInt64>.self)
        to.storeBytes(of: low, as: SIMD2<UInt64>.self)
        to.storeBytes(of: high, toByteOffset: width - 16, as: SIMD2<UInt64>.self)
      }
    default:
      for index in 0..<count { copyBytes(row + index * stride, column + index * width, width) }
    }
  }

  @inline(__always)
  private static func scatter<T: BitwiseCopyable>(
    _ column: UnsafeRawPointer, as type: T.Type, to row: UnsafeMutableRawPointer, stride: Int, count: Int
  ) {
    for index in 0..<count {
      let value = column.loadUnaligned(fromByteOffset: index * MemoryLayout<T>.size, as: type)
      row.storeBytes(of: value, toByteOffset: index * stride, as: type)
    }
  }
}
