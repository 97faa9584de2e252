// Who speaks to the replay service.

internal import Experience
internal import Foundations
internal import ReplayStore
internal import Wire

extension ReplayMachine {
  mutating func hello(_ hello: Hello, from peer: PeerID, now: Instant, sink: inout some FrameSink) {
    if let problem = tablesProblem(hello) {
      counters.messagesRefused += 1
      return refuse(.mismatch, .hello, 0, problem, peer, &sink)
    }
    switch hello.role {
    case .writer: helloWriter(hello, from: peer, now: now, sink: &sink)
    case .sampler:
      if let old = samplers.first(where: { $0.value.id == hello.id }), old.key != peer {
        // The same learner over a new connection: what waits for the old one would be sent nowhere.
        samplers[old.key] = nil
        waitingSamples.removeAll { $0.peer == old.key }
      }
      if samplers[peer] == nil {
        guard samplers.count < configuration.writersMax else {
          return refuse(.busy, .hello, 0, "\(configuration.writersMax) samplers are the most", peer, &sink)
        }
        // Batches that it waited for before it left are still on their way from the disk.
        let waiting = warming.count { $0.waiting.peer == peer }
        samplers[peer] = Sampler(id: hello.id, waiting: waiting, lastHeard: now)
      }
      samplers[peer]?.id = hello.id
      welcome(peer, committed: 0, sink: &sink)
      drain(now: now, sink: &sink)
    }
  }

  /// A peer's tables must be the service's: a writer numbers its items by the order it gave, a sampler by the service's.
  private func tablesProblem(_ hello: Hello) -> String? {
    let own = configuration.store.tables.map(\.schema)
    if hello.role == .writer, hello.tables.count != own.count {
      return
        "tables: expected \(own.count) (\(own.map(\.name).joined(separator: ", "))), found \(hello.tables.count)"
    }
    for (index, table) in hello.tables.enumerated() {
      let expected = hello.role == .writer ? own[index] : own.first { $0.name == table.name } ?? own[0]
      if let problem = expected.mismatch(with: table) { return problem }
    }
    return nil
  }

  private mutating func helloWriter(
    _ hello: Hello, from peer: PeerID, now: Instant, sink: inout some FrameSink
  ) {
    if let problem = adopt(hello.schema) {
      counters.messagesRefused += 1
      return refuse(.mismatch, .hello, 0, problem, peer, &sink)
    }
    guard (1...Self.sequenceMax).contains(hello.nextSequence) else {
      let text = "next sequence: expected 1 to \(Self.sequenceMax), found \(hello.nextSequence)"
      return refuse(.invalid, .hello, 0, text, peer, &sink)
    }
    guard departed[hello.id] == nil else {
      // A late repetition of its first words: taking messages anew could double some.
      return refuse(.invalid, .hello, 0, "this writer has said GOODBYE", peer, &sink)
    }
    let handle: Int
    if let known = writerHandles[hello.id], let writer = writers[known] {
      handle = known
      if hello.nextSequence - 1 > writer.committed {
        // What it will never send again is no gap, and what of it waits here has been given up.
        writers[known]?.committed = hello.nextSequence - 1
        store.skip(known, to: hello.nextSequence - 1)
        dropWaiting(writer: known)
      }
    } else {
      guard writers.count < configuration.writersMax else {
        return refuse(.busy, .hello, 0, "\(configuration.writersMax) writers are the most", peer, &sink)
      }
      handle = nextHandle
      do throws(ReplayStoreError) {
        try store.openWriter(handle, id: hello.id, label: hello.label, committed: hello.nextSequence - 1)
      } catch {
        return refuse(.busy, .hello, 0, error.description, peer, &sink)
      }
      nextHandle += 1
      labels[handle] = Label(id: hello.id, text: hello.label)
      writerHandles[hello.id] = handle
      writers[handle] = Writer(
        id: hello.id, label: hello.label, peer: peer, committed: hello.nextSequence - 1, lastHeard: now)
    }
    if let old = writers[handle]?.peer, old != peer { writerOfPeer[old] = nil }
    writers[handle]?.peer = peer
    writers[handle]?.lastHeard = now
    writerOfPeer[peer] = handle
    welcome(peer, committed: writers[handle]?.committed ?? 0, sink: &sink)
    drain(now: now, sink: &sink)
  }

  /// Takes the first writer's schema as the store's; later ones must agree. Returns what is wrong.
  private mutating func adopt(_ schema: StepSchema?) -> String? {
    guard let schema else { return "schema: expected a writer's fields, found nil" }
    if let own = store.schema { return own.mismatch(with: schema) }
    do throws(ReplayStoreError) {
      let capacity = try Self.capacity(of: configuration, schema: schema)
      try store.adopt(schema: schema)
      notices.append(capacity)
    } catch {
      return error.description
    }
    schemaIsKnown()
    return nil
  }

  /// What the store will take, in words. Throws `configuration` if this machine has less.
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

  private mutating func welcome(_ peer: PeerID, committed: UInt64, sink: inout some FrameSink) {
    Welcome(
      incarnation: incarnation, committed: committed, credit: configuration.credit, schema: store.schema,
      tables: configuration.store.tables.map(\.schema)
    ).encode(into: scratch)
    sink.send(scratch.bytes, to: peer)
  }

  mutating func goodbye(_ goodbye: Goodbye, from peer: PeerID, now: Instant, sink: inout some FrameSink) {
    if let handle = writerHandles[goodbye.id] {
      forget(writer: handle)
      if departed.count < configuration.writersMax {
        departed[goodbye.id] = Departure(handle: handle, since: now)
      } else {
        store.forgetWriter(handle)
      }
    }
    if samplers[peer]?.id == goodbye.id {
      samplers[peer] = nil
      waitingSamples.removeAll { $0.peer == peer }
    }
    drain(now: now, sink: &sink)
  }

  mutating func forget(writer handle: Int) {
    guard let writer = writers.removeValue(forKey: handle) else { return }
    writerHandles[writer.id] = nil
    if writerOfPeer[writer.peer] == handle { writerOfPeer[writer.peer] = nil }
    waitingInserts.removeAll(of: handle)
    store.closeWriter(handle)
  }

  private mutating func dropWaiting(writer handle: Int) {
    waitingInserts.removeAll(of: handle)
    writers[handle]?.waiting = 0
  }

  /// Says what is there, and which of the limiter's inequalities holds whom back since when.
  func health(to peer: PeerID, now: Instant, sink: inout some FrameSink) {
    func rounded(_ since: Instant) -> Double { ((now - since).seconds * 10).rounded() / 10 }
    var text = "\(writers.count) writers, \(samplers.count) samplers, \(store.statistics.steps) steps"
    if let storageProblem { text += "; inserts refused: \(storageProblem)" }
    if let insertBlock {
      text += "; inserts blocked for \(rounded(insertBlock.since)) s: \(insertBlock.reason)"
    }
    if let first = waitingSamples.first,
      let reason = store.reasonSampleBlocked(table: first.request.table, count: first.request.count)
    {
      text += "; samples blocked for \(rounded(first.since)) s: \(reason)"
    }
    Health(
      service: "replay", isHealthy: storageProblem == nil, text: text,
      uptime_s: (now - startedAt).seconds
    ).encode(into: scratch)
    sink.send(scratch.bytes, to: peer)
  }
}
