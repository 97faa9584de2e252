// Inserting, in sequence and within the limiter.

internal import Experience
internal import Foundations
internal import ReplayStore
internal import Wire

extension ReplayMachine {
  mutating func insert(
    _ cursor: inout FrameCursor, _ frame: UnsafeRawBufferPointer, from peer: PeerID, now: Instant,
    sink: inout some FrameSink
  ) throws(WireError) {
    guard let handle = writerOfPeer[peer], var writer = writers[handle], let schema = store.schema else {
      return refuse(.unknownPeer, .insert, 0, "say HELLO first", peer, &sink)
    }
    let sequence = try Insert.sequence(from: &cursor)
    writer.lastHeard = now
    writers[handle] = writer
    let next = writer.committed + UInt64(writer.waiting) + 1
    guard sequence == next else {
      // Lower: committed or waiting already. Higher: something before it was lost.
      if sequence < next { counters.messagesRepeated += 1 } else { counters.messagesAhead += 1 }
      return acknowledge(writer, gap: sequence > next, sink: &sink)
    }
    // First come, first served: a small message must not overtake a large one that waits for room.
    if !waitingInserts.isEmpty { return wait(handle, sequence, frame, now: now) }
    try Insert.content(from: &cursor, schema: schema, rowBytes: rowBytes, into: &insertion)
    if commit(handle, sequence, now: now, sink: &sink) {
      drain(now: now, sink: &sink)
    } else if writers[handle]?.committed == sequence - 1, isBlocked {
      wait(handle, sequence, frame, now: now)
    }
  }

  /// Commits `insertion` and acknowledges it. False if it was refused (which has been answered) or is blocked.
  private mutating func commit(
    _ handle: Int, _ sequence: UInt64, now: Instant, sink: inout some FrameSink
  ) -> Bool {
    guard var writer = writers[handle] else { return false }
    isBlocked = false
    do throws(ReplayStoreError) {
      let summary = try store.insert(insertion, writer: handle, sequence: sequence)
      counters.steps += UInt64(summary.steps)
      counters.items += UInt64(summary.items)
      counters.itemsStale += UInt64(summary.itemsStale)
    } catch {
      if case .blocked(let reason) = error {
        isBlocked = true
        insertsBlockedReason = reason
        return false
      }
      if case .storage(let problem) = error {
        // The writer keeps it and sends it again; what is there is served meanwhile.
        counters.messagesWithoutRoom += 1
        if storageProblem == nil { notices.append("inserts are refused: \(problem)") }
        storageProblem = problem
        refuse(.busy, .insert, sequence, error.description, writer.peer, &sink)
        return false
      }
      counters.messagesRefused += 1
      refuse(.invalid, .insert, sequence, error.description, writer.peer, &sink)
      return false
    }
    if storageProblem != nil {
      storageProblem = nil
      notices.append("the disk has room again: inserts go on")
    }
    counters.messagesCommitted += 1
    writer.committed = sequence
    if !writer.isAcknowledgementDue {
      writer.isAcknowledgementDue = true
      acknowledgementsDue.append(handle)
    }
    writers[handle] = writer
    return true
  }

  /// Tells writers how far they are committed. An acknowledgement holds for all messages before it: call this once all frames that
  /// are there have been received, or before something that takes long.
  public mutating func acknowledge(sink: inout some FrameSink) {
    for handle in acknowledgementsDue {
      guard let writer = writers[handle] else { continue }
      writers[handle]?.isAcknowledgementDue = false
      acknowledge(writer, gap: false, sink: &sink)
    }
    acknowledgementsDue.removeAll(keepingCapacity: true)
  }

  private func acknowledge(_ writer: Writer, gap: Bool, sink: inout some FrameSink) {
    Acknowledgement(committed: writer.committed, gap: gap).encode(into: scratch)
    sink.send(scratch.bytes, to: writer.peer)
  }

  private mutating func wait(_ handle: Int, _ sequence: UInt64, _ frame: UnsafeRawBufferPointer, now: Instant)
  {
    guard let waiting = writers[handle]?.waiting, waiting < configuration.credit else {
      // More than was granted: not kept, and sent again by the writer once it sees the gap.
      return counters.messagesAhead += 1
    }
    writers[handle]?.waiting = waiting + 1
    waitingInserts.append(WaitingInsert(writer: handle, sequence: sequence, frame: Array(frame)))
    counters.messagesBlocked += 1
    if insertsBlockedSince == nil { insertsBlockedSince = now }
  }

  /// Lets in what waits, as far as the limiter now admits it: samples make room for inserts, inserts for samples.
  mutating func drain(now: Instant, sink: inout some FrameSink) {
    var progress = true
    while progress {
      progress = drainSamples(now: now, sink: &sink)
      if drainInserts(now: now, sink: &sink) { progress = true }
    }
  }

  private mutating func drainInserts(now: Instant, sink: inout some FrameSink) -> Bool {
    var count = 0
    while count < waitingInserts.count {
      let entry = waitingInserts[count]
      let isDone = entry.frame.withUnsafeBytes { frame in
        commitWaiting(entry, frame, now: now, sink: &sink)
      }
      guard isDone else { break }
      count += 1
    }
    waitingInserts.removeFirst(min(count, waitingInserts.count))
    if waitingInserts.isEmpty { insertsBlockedSince = nil }
    return count > 0
  }

  /// False if it still must wait.
  private mutating func commitWaiting(
    _ entry: WaitingInsert, _ frame: UnsafeRawBufferPointer, now: Instant, sink: inout some FrameSink
  ) -> Bool {
    guard let writer = writers[entry.writer], let schema = store.schema else { return true }
    var cursor = FrameCursor(frame)
    do throws(WireError) {
      _ = try cursor.openMessage()
      _ = try Insert.sequence(from: &cursor)
      try Insert.content(from: &cursor, schema: schema, rowBytes: rowBytes, into: &insertion)
    } catch {
      counters.malformed += 1
      refuse(.malformed, .insert, entry.sequence, error.description, writer.peer, &sink)
      writers[entry.writer]?.waiting -= 1
      return true
    }
    // After a refused message the writer's later ones are out of sequence: dropped here, answered with a gap when repeated.
    guard entry.sequence == writer.committed + 1 else {
      writers[entry.writer]?.waiting -= 1
      return true
    }
    if commit(entry.writer, entry.sequence, now: now, sink: &sink) || !isBlocked {
      writers[entry.writer]?.waiting -= 1
      // At once: whoever has waited shall not wait for the others.
      acknowledge(sink: &sink)
      return true
    }
    return false
  }
}
