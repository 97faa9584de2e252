// Invariants of the ring, for tests.

internal import Experience

extension StepRing {
  /// The first invariant that does not hold; nil if all do. O(capacity).
  func brokenInvariant() -> String? {
    if head < tail || head - tail > UInt64(capacity) {
      return "ring: tail \(tail), head \(head), capacity \(capacity)"
    }
    if directory.end != stagedFrom && stagedFrom != 0 { return "ring: staged chunks are left" }
    var position = tail
    var chunksOfStream: [UInt32: [UInt32]] = [:]
    for number in directory.front..<directory.end {
      let entry = directory[number]
      if entry.position != position { return "chunk \(number): at \(entry.position), expected \(position)" }
      if entry.count == 0 { return "chunk \(number): empty" }
      for step in entry.position..<entry.end {
        let slot = slot(step)
        if slot != Int(step % UInt64(capacity)) { return "position \(step): slot \(slot)" }
        if self.position(inSlot: slot) != step { return "slot \(slot): not position \(step)" }
        if directory.number(of: references[slot]) != number {
          return "position \(step): not of chunk \(number)"
        }
      }
      position = entry.end
      if let problem = brokenLink(number, entry) { return problem }
      chunksOfStream[entry.stream, default: []].append(UInt32(truncatingIfNeeded: number))
    }
    if position != head { return "ring: chunks end at \(position), head \(head)" }
    for (stream, expected) in chunksOfStream {
      let record = streams.records[Int(stream)]
      let found = (0..<record.chunks.count).map { record.chunks[$0] }
      if found != expected { return "stream \(stream): chunks \(found), expected \(expected)" }
      let last = directory[directory.number(of: expected[expected.count - 1])]
      if record.nextIndex != last.firstIndex + UInt64(last.count) {
        return "stream \(stream): next \(record.nextIndex)"
      }
      if !last.isLost, record.lastFlags != flags(slot(last.end - 1)) {
        return "stream \(stream): last flags \(record.lastFlags)"
      }
    }
    return nil
  }

  private func brokenLink(_ number: UInt64, _ entry: ChunkEntry) -> String? {
    if entry.isLost { return entry.next == ChunkEntry.lost ? nil : "chunk \(number): lost, with a next" }
    if !entry.hasNext { return nil }
    guard directory.isLive(entry.next), entry.next > number else {
      return "chunk \(number): next is \(entry.next)"
    }
    let next = directory[entry.next]
    if next.stream != entry.stream || next.firstIndex != entry.firstIndex + UInt64(entry.count) {
      return "chunk \(number): next does not continue it"
    }
    return nil
  }
}
