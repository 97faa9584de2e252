// The replay's clients: HELLO, WELCOME and GOODBYE.

internal import Experience
internal import Foundations
internal import ReplayStore
internal import Wire

extension ReplayMachine {
  mutating func hello(_ hello: Hello, from peer: PeerID, now: Instant, sink: some FrameSink) {
    if let problem = tablesProblem(hello) {
      counters.messagesRefused += 1
      return refuse(.mismatch, .hello, 0, problem + Self.mismatchAdvice, peer, sink)
    }
    switch hello.role {
    case .writer: helloWriter(hello, from: peer, now: now, sink: sink)
    case .sampler: helloSampler(hello, from: peer, now: now, sink: sink)
    }
  }

  private mutating func helloSampler(
    _ hello: Hello, from peer: PeerID, now: Instant, sink: some FrameSink
  ) {
    if let problem = learnerProblem(hello, now: now) {
      return refuse(.busy, .hello, 0, problem, peer, sink)
    }
    if let old = samplers.peer(of: hello.id), old != peer {
      // The same learner over a new connection: answers to the old one would be lost.
      forget(sampler: old)
    }
    if samplers[peer] != nil {
      samplers.rename(peer, to: hello.id, now: now)
    } else {
      guard hasRoomForSampler(now) else {
        return refuse(.busy, .hello, 0, Self.fullAdvice(configuration.peersMax, "samplers"), peer, sink)
      }
      // Batches that it requested before it left may still be read from the disk.
      samplers.append(peer, id: hello.id, waiting: prefetch.count(of: peer), now: now)
    }
    adoptLearner(hello, now: now)
    welcome(peer, committed: 0, sink: sink)
    drain(now: now, sink: sink)
  }

  /// Whether one more can be remembered, if need be in place of another.
  private mutating func hasRoomForSampler(_ now: Instant) -> Bool {
    switch samplers.admission(now: now) {
    case .free: return true
    case .full: return false
    case .instead(let replaced):
      counters.peersReplaced += 1
      forget(sampler: replaced)
      return true
    }
  }

  private mutating func hasRoomForWriter(_ now: Instant) -> Bool {
    switch writers.admission(now: now) {
    case .free: return true
    case .full: return false
    case .instead(let replaced):
      counters.peersReplaced += 1
      forget(writer: replaced)
      return true
    }
  }

  mutating func forget(sampler peer: PeerID) {
    pacer?.forget(learner: peer)
    guard samplers.remove(peer) != nil else { return }
    waitingSamples.removeAll(of: peer)
  }

  /// Tells a connection that has not said HELLO in a role to do so.
  mutating func refuseStranger(
    _ type: MessageType, _ reference: UInt64, as role: PeerRole, _ peer: PeerID, _ sink: some FrameSink
  ) {
    let (other, own, hasOther) =
      switch role {
      case .writer: ("sampler", "writer", samplers[peer] != nil)
      case .sampler: ("writer", "sampler", writers.handle(of: peer) != nil)
      }
    if hasOther {
      let text =
        "expected a \(own)'s connection, found a \(other)'s: say HELLO with role \(role.rawValue) (\(own)) first"
      return refuse(.invalid, type, reference, text, peer, sink)
    }
    refuse(
      .unknownPeer, type, reference, "say HELLO with role \(role.rawValue) (\(own)) first", peer, sink)
  }

  private static let mismatchAdvice = "; start this client and the replay from one configuration"

  private static func fullAdvice(_ count: Int, _ peers: String) -> String {
    "\(count) \(peers) are the most; end some, or try again when silent ones have been forgotten"
  }

  /// A client's tables must be the service's. A writer's items number them by the order in its
  /// HELLO, a sampler's requests by the service's order.
  private func tablesProblem(_ hello: Hello) -> String? {
    let own = configuration.store.tables.map(\.schema)
    switch hello.role {
    case .writer: return own.mismatch(with: hello.tables)
    case .sampler:
      for table in hello.tables {
        let expected = own.first { $0.name == table.name } ?? own[0]
        if let problem = expected.mismatch(with: table) { return problem }
      }
      return nil
    }
  }

  private mutating func helloWriter(
    _ hello: Hello, from peer: PeerID, now: Instant, sink: some FrameSink
  ) {
    if let problem = propose(hello.schema) {
      counters.messagesRefused += 1
      return refuse(.mismatch, .hello, 0, problem + Self.mismatchAdvice, peer, sink)
    }
    guard (1...Self.sequenceMax).contains(hello.nextSequence) else {
      let text =
        "next sequence: expected 1 to \(Self.sequenceMax), found \(hello.nextSequence); start with a new id at 1"
      return refuse(.invalid, .hello, 0, text, peer, sink)
    }
    guard writers.departed[hello.id] == nil else {
      // A late repetition of its HELLO: messages accepted again could be inserted twice.
      return refuse(.invalid, .hello, 0, "this writer has said GOODBYE; say HELLO with a new id", peer, sink)
    }
    let handle: Int
    if let known = writers.handle(of: hello.id), let writer = writers[known] {
      handle = known
      if hello.nextSequence - 1 > writer.committed {
        // The writer has dropped its messages up to there and never sends them again: they leave no
        // gap, and those that wait here are dropped too.
        writers[known]?.committed = hello.nextSequence - 1
        store.skip(known, to: hello.nextSequence - 1)
        dropWaiting(writer: known)
      }
    } else {
      if let former = writers.handle(of: peer), writers[former]?.isProven == false {
        // A connection that changes its id with each message must not fill the list by itself.
        forget(writer: former)
      }
      guard hasRoomForWriter(now) else {
        return refuse(.busy, .hello, 0, Self.fullAdvice(configuration.peersMax, "writers"), peer, sink)
      }
      handle = writers.nextHandle
      if store.schema != nil {
        do throws(ReplayStoreError) {
          try store.openWriter(handle, id: hello.id, label: hello.label, committed: hello.nextSequence - 1)
        } catch {
          return refuse(.busy, .hello, 0, error.description, peer, sink)
        }
      }
      let committed = hello.nextSequence - 1
      _ = writers.append(id: hello.id, label: hello.label, peer: peer, committed: committed, now: now)
    }
    writers.connect(handle, to: peer, now: now)
    welcome(peer, committed: writers[handle]?.committed ?? 0, sink: sink)
    drain(now: now, sink: sink)
  }

  /// Checks a writer's schema. The first one is proposed; once a step is stored, all later ones
  /// must equal it. Returns the difference, or nil.
  private mutating func propose(_ schema: StepSchema?) -> String? {
    guard let schema else { return "schema: expected a writer's fields, found nil" }
    if let own = store.schema, own == schema || !store.abandonSchema() { return own.mismatch(with: schema) }
    if let named = expectedSchema, let problem = named.mismatch(with: schema) {
      return "\(problem) (the environment that the configuration names)"
    }
    if proposedSchema == schema { return nil }
    do throws(ReplayStoreError) {
      notices.append(try Self.capacity(of: configuration, schema: schema))
    } catch {
      return error.description
    }
    answers.adopt(nil)
    // Nothing is stored under the earlier proposal. Its writers have to say HELLO again.
    for handle in writers.all.keys { close(writer: handle) }
    proposedSchema = schema
    return nil
  }

  /// The stored steps' schema, adopted from the proposal when the first ones come. Nil if the store
  /// has no room for them; the writer has been told.
  mutating func adoptedSchema(_ sequence: UInt64, _ peer: PeerID, sink: some FrameSink) -> StepSchema? {
    if let schema = store.schema { return schema }
    guard let proposedSchema else {
      refuseStranger(.insert, sequence, as: .writer, peer, sink)
      return nil
    }
    do throws(ReplayStoreError) {
      try store.adopt(schema: proposedSchema)
      for (handle, writer) in writers.all {
        try store.openWriter(handle, id: writer.id, label: writer.label, committed: writer.committed)
      }
    } catch {
      counters.messagesWithoutRoom += 1
      notices.append("inserts are refused: \(error.description)")
      refuse(.busy, .insert, sequence, error.description, peer, sink)
      return nil
    }
    schemaIsKnown()
    return store.schema
  }

  /// What the store will take, in words. Throws `ReplayStoreError.configuration` if this machine
  /// has less.
  static func capacity(of configuration: Configuration, schema: StepSchema) throws(ReplayStoreError) -> String
  {
    let needed = try ReplayStore.byteCount(configuration: configuration.store, schema: schema)
    let (memory, disk) = needed.split(by: configuration.store.storage)
    for (bytes, most, place) in [
      (memory, configuration.memoryMax, "this machine"), (disk, configuration.diskMax, "the disk"),
    ] where bytes > most {
      throw .configuration(
        "capacity: \(needed), but \(place) has \(most / 1_000_000) MB free: lower replay.capacity")
    }
    return "capacity: \(needed)"
  }

  private mutating func welcome(_ peer: PeerID, committed: UInt64, sink: some FrameSink) {
    Welcome(
      incarnation: incarnation, committed: committed, grant: grant,
      schema: store.schema ?? proposedSchema ?? expectedSchema,
      tables: configuration.store.tables.map(\.schema)
    ).encode(into: scratch)
    sink.send(scratch.bytes, to: peer)
  }

  private var grant: Grant {
    Grant(
      messages: configuration.credit, bytes: UInt64(configuration.creditBytes),
      frameBytes: UInt64(frameBytesMax),
      silence_s: UInt64(configuration.peerGoneAfter.seconds),
      rows: configuration.store.tables.indices.map(answers.rowsMax))
  }

  /// Ends the session with this id if it belongs to this connection: another client that knows the
  /// id cannot end it.
  mutating func goodbye(_ goodbye: Goodbye, from peer: PeerID, now: Instant, sink: some FrameSink) {
    if let handle = writers.handle(of: goodbye.id), writers[handle]?.peer == peer {
      close(writer: handle)
      if !writers.depart(goodbye.id, handle: handle, now: now) { store.forgetWriter(handle) }
    }
    if samplers[peer]?.id == goodbye.id {
      forget(sampler: peer)
      if learner?.id == goodbye.id { learner = nil }
    }
    drain(now: now, sink: sink)
  }

  /// Forgets a writer entirely: if it comes again, it counts as new.
  mutating func forget(writer handle: Int) {
    close(writer: handle)
    store.forgetWriter(handle)
  }

  private mutating func close(writer handle: Int) {
    pacer?.forget(actor: handle)
    guard writers.remove(handle) != nil else { return }
    waitingInserts.removeAll(of: handle)
    store.closeWriter(handle)
  }

  private mutating func dropWaiting(writer handle: Int) {
    waitingInserts.removeAll(of: handle)
    writers[handle]?.waiting = 0
    writers[handle]?.waitingBytes = 0
  }

  /// Answers with counts, and with the limiter's inequality that blocks inserts or samples and for
  /// how long.
  func health(to peer: PeerID, now: Instant, sink: some FrameSink) {
    func rounded(_ since: Instant) -> Double { ((now - since).seconds * 10).rounded() / 10 }
    var text = "\(writers.count) writers, \(samplers.count) samplers, \(store.statistics.steps) steps"
    if configuration.exclusiveTable != nil { text += "; learner: \(learnerLabel(now: now) ?? "none")" }
    if let storageProblem { text += "; inserts refused: \(storageProblem)" }
    if let block = waitingInserts.block {
      text += "; inserts blocked for \(rounded(block.since)) s: \(block.reason)"
    }
    if let held = reasonHeld(now: now) { text += "; samples held: \(held)" }
    if let first = waitingSamples.first,
      let reason = store.reasonSampleBlocked(table: first.request.table, count: first.request.count)
    {
      text += "; samples blocked for \(rounded(first.since)) s: \(reason)"
    }
    Health(
      service: ServiceKind.replay.rawValue, isHealthy: storageProblem == nil, text: text,
      uptime_s: (now - startedAt).seconds
    ).encode(into: scratch)
    sink.send(scratch.bytes, to: peer)
  }
}
