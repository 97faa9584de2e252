// Inserting, in sequence and within the limiter.

internal import Experience
public import Foundations
internal import ReplayStore
internal import Wire

extension ReplayMachine {
  mutating func insert(
    _ cursor: inout FrameCursor, _ frame: UnsafeRawBufferPointer, from peer: PeerID, now: Instant,
    sink: some FrameSink
  ) throws(WireError) {
    let sequence = try Insert.sequence(from: &cursor)
    guard let handle = writers.handle(of: peer), let writer = writers.hear(handle, now: now) else {
      return refuseStranger(.insert, sequence, as: .writer, peer, sink)
    }
    guard sequence == writer.next else {
      // Lower: committed or waiting already. Higher: a message before it was lost.
      let isAhead = sequence > writer.next
      if isAhead { counters.messagesAhead += 1 } else { counters.messagesRepeated += 1 }
      return acknowledge(writer, gap: isAhead, sink: sink)
    }
    // First come, first served: a small message must not overtake a large one that waits for room.
    if waitingInserts.block != nil || writer.waiting > 0 { return wait(handle, sequence, frame, sink: sink) }
    guard let schema = adoptedSchema(sequence, peer, sink: sink) else { return }
    let content = UnsafeRawBufferPointer(rebasing: frame[cursor.offset...])
    try Insert.content(from: &cursor, schema: schema, rowBytes: rowBytes, into: &insertion)
    var outcome = commit(handle, sequence, content, now: now, sink: sink)
    if case .blocked = outcome, round.isDrainDue, drainSamples(now: now, sink: sink) {
      // Requests that came earlier may make room.
      waitingInserts.release()
      outcome = commit(handle, sequence, content, now: now, sink: sink)
    }
    switch outcome {
    case .committed:
      round.didCommit(bytes: frame.count, letsIn: !waitingSamples.isEmpty || !waitingInserts.isEmpty)
      if round.isAcknowledgementDue { acknowledge(sink: sink) }
      if round.isDrainUrgent { drain(now: now, sink: sink) }
    case .blocked: wait(handle, sequence, frame, sink: sink)
    case .overQuota:
      counters.messagesOverQuota += 1
      waitingInserts.scheduleQuotaCheck(isHolding: true, now: now)
      wait(handle, sequence, frame, sink: sink)
    case .refused: break
    }
  }

  /// What became of an insert message.
  private enum Outcome {
    /// A refused message has been answered.
    case committed, refused
    case blocked, overQuota
  }

  /// Commits `insertion`, and publishes it for recorders; its acknowledgement is due then.
  /// - Parameter content: the bytes that it is a view of.
  private mutating func commit(
    _ handle: Int, _ sequence: UInt64, _ content: UnsafeRawBufferPointer, now: Instant,
    sink: some FrameSink
  ) -> Outcome {
    if isOverQuota(handle, steps: insertion.stepCount, now: now) { return .overQuota }
    if let yield = reasonToYield(now: now) {
      waitingInserts.hold(table: yield.table, reason: yield.reason, now: now)
      nextYieldCheck = now + .milliseconds(500)
      return .blocked
    }
    prepareTap()
    do throws(ReplayStoreError) {
      let summary = try store.insert(insertion, writer: handle, sequence: sequence)
      counters.steps += UInt64(summary.steps)
      counters.items += UInt64(summary.items)
      counters.itemsStale += UInt64(summary.itemsStale)
    } catch {
      if case .blocked(let table, let reason) = error {
        waitingInserts.hold(table: table, reason: reason, now: now)
        return .blocked
      }
      if case .storage(let problem) = error {
        // The writer keeps the message and sends it again. Stored steps are served meanwhile.
        counters.messagesWithoutRoom += 1
        if storageProblem == nil { notices.append("inserts are refused: \(problem)") }
        storageProblem = problem
        refuse(.busy, sequence, error.description, writer: handle, sink)
        return .refused
      }
      counters.messagesRefused += 1
      let text =
        "\(error.description); nothing of the message is stored: mend it and send it under the same sequence"
      refuse(.invalid, sequence, text, writer: handle, sink)
      return .refused
    }
    if storageProblem != nil {
      storageProblem = nil
      notices.append("the disk has room again: inserts go on")
    }
    counters.messagesCommitted += 1
    // The next block counts its time from now.
    waitingInserts.release()
    writers.didCommit(handle, sequence)
    recordInserted(handle, now: now)
    publishAccepted(content, of: handle, now: now, sink: sink)
    return .committed
  }

  private func refuse(
    _ code: RefusalCode, _ sequence: UInt64, _ text: String, writer handle: Int, _ sink: some FrameSink
  ) {
    guard let writer = writers[handle] else { return }
    refuse(code, .insert, sequence, text, writer.peer, sink)
  }

  /// Answers what has been received: serves requests and acknowledges inserts. Call this once all
  /// available frames have been received. libzmq delivers one frame of each peer, round robin, so a
  /// batch after each insert message would leave a busy service little time for inserts.
  public mutating func answerReceived(now: Instant, sink: some FrameSink) {
    if round.isDrainDue { drain(now: now, sink: sink) }
    acknowledge(sink: sink)
    grantSteps(now: now, sink: sink)
  }

  /// Acknowledges commits. An acknowledgement covers all messages before it, so it is sent once all
  /// available frames have been received, or before work that takes long.
  mutating func acknowledge(sink: some FrameSink) {
    for handle in writers.due {
      if let writer = writers.acknowledge(handle) { acknowledge(writer, gap: false, sink: sink) }
    }
    writers.endAcknowledgements()
    round.didAcknowledge()
  }

  private func acknowledge(_ writer: ReplayWriters.Writer, gap: Bool, sink: some FrameSink) {
    Acknowledgement(committed: writer.committed, gap: gap).encode(into: scratch)
    sink.send(scratch.bytes, to: writer.peer)
  }

  /// Keeps a message that cannot be inserted yet.
  private mutating func wait(
    _ handle: Int, _ sequence: UInt64, _ frame: UnsafeRawBufferPointer, sink: some FrameSink
  ) {
    guard var writer = writers[handle], writer.waiting < configuration.credit,
      writer.waiting == 0 || writer.waitingBytes + frame.count <= configuration.creditBytes
    else {
      // Beyond the credit: not kept. The writer sends it again once it sees the gap.
      return counters.messagesAhead += 1
    }
    if !waitingInserts.isEmpty, waitingInserts.bytes + frame.count > configuration.waitingBytesMax {
      counters.messagesOverBudget += 1
      let text =
        "expected at most \(configuration.waitingBytesMax) bytes of messages to wait, found \(waitingInserts.bytes) already: send it again"
      return refuse(.busy, .insert, sequence, text, writer.peer, sink)
    }
    let entry = WaitingInsert(writer: handle, sequence: sequence, frame: Array(frame))
    writer.lastTurn = waitingInserts.append(entry, after: writer.waiting > 0 ? writer.lastTurn : nil)
    writer.waiting += 1
    writer.waitingBytes += frame.count
    writers[handle] = writer
    counters.messagesBlocked += 1
  }

  /// Serves what waits, while limiters admit it: samples make room for inserts, and inserts for
  /// samples.
  mutating func drain(now: Instant, sink: some FrameSink) {
    round.didDrain()
    var progress = true
    while progress {
      progress = drainSamples(now: now, sink: sink)
      if drainInserts(now: now, sink: sink) { progress = true }
    }
  }

  /// Inserts waiting messages, writers round robin, up to the first that a table blocks. Messages
  /// of writers over their quota are skipped, because other writers may have room. True if some
  /// message was inserted or refused.
  private mutating func drainInserts(now: Instant, sink: some FrameSink) -> Bool {
    var (next, kept) = (0, 0)
    var held: Set<Int> = []
    var isBlocked = false
    while !isBlocked, next < waitingInserts.count {
      let outcome: Outcome =
        held.contains(waitingInserts[next].writer)
        ? .overQuota : commitWaiting(next, now: now, sink: sink)
      switch outcome {
      case .committed, .refused: next += 1
      case .blocked: isBlocked = true
      case .overQuota:
        held.insert(waitingInserts[next].writer)
        waitingInserts.move(from: next, to: kept)
        (next, kept) = (next + 1, kept + 1)
      }
    }
    waitingInserts.remove(kept..<next)
    if !isBlocked { waitingInserts.release() }
    waitingInserts.scheduleQuotaCheck(isHolding: kept > 0, now: now)
    return next > kept
  }

  private mutating func commitWaiting(_ index: Int, now: Instant, sink: some FrameSink) -> Outcome {
    let entry = waitingInserts[index]
    guard let writer = writers[entry.writer], let schema = store.schema else { return .refused }
    // Checked before the message is decoded again.
    if entry.steps > 0, isOverQuota(entry.writer, steps: entry.steps, now: now) { return .overQuota }
    let outcome = entry.frame.withUnsafeBytes { frame -> Outcome in
      var cursor = FrameCursor(frame)
      let content: UnsafeRawBufferPointer
      do throws(WireError) {
        _ = try cursor.openMessage()
        _ = try Insert.sequence(from: &cursor)
        content = UnsafeRawBufferPointer(rebasing: frame[cursor.offset...])
        try Insert.content(from: &cursor, schema: schema, rowBytes: rowBytes, into: &insertion)
      } catch {
        counters.malformed += 1
        refuse(.malformed, .insert, entry.sequence, error.description, writer.peer, sink)
        return .refused
      }
      // A refused message leaves a gap. The writer's later ones are dropped here, and answered with
      // a gap when they are sent again.
      guard entry.sequence == writer.committed + 1 else { return .refused }
      return commit(entry.writer, entry.sequence, content, now: now, sink: sink)
    }
    switch outcome {
    case .committed, .refused:
      writers[entry.writer]?.waiting -= 1
      writers[entry.writer]?.waitingBytes -= entry.frame.count
      waitingInserts.didServe(index)
      // At once: a writer that has waited does not also wait for the other messages.
      acknowledge(sink: sink)
    case .overQuota:
      counters.messagesOverQuota += 1
      waitingInserts.setSteps(insertion.stepCount, at: index)
    case .blocked: break
    }
    return outcome
  }
}
