// Serving batches.

internal import Experience
public import Foundations
internal import ReplayStore
internal import Wire

extension ReplayMachine {
  /// Serves requests that waited for room on the way to their samplers. Call this when the sink
  /// says that there may be room.
  public mutating func lookForRoom(now: Instant, sink: some FrameSink) {
    guard waitingSamples.clearRoomCheck() else { return }
    sendPrefetched(now: now, sink: sink)
    drain(now: now, sink: sink)
  }

  /// What one pass over the waiting requests does not serve any more.
  private struct Held {
    /// A bit for each table that admits no more samples; requests to other tables go on.
    var tables: UInt64 = 0
    /// Samplers with too much under way.
    var peers: Set<PeerID> = []
    /// Samplers whose connections are closed.
    var gone: Set<PeerID> = []
  }

  /// Serves waiting requests, samplers round robin, while each table's limiter admits them and
  /// there is room on the way to their samplers. True if some request was served or refused.
  mutating func drainSamples(now: Instant, sink: some FrameSink) -> Bool {
    guard !waitingSamples.isEmpty else { return false }
    var (next, kept) = (0, 0)
    var held = Held()
    while next < waitingSamples.count, held.tables.nonzeroBitCount < configuration.store.tables.count {
      if !serveInTurn(waitingSamples[next], &held, now: now, sink: sink) {
        waitingSamples.move(from: next, to: kept)
        kept += 1
      }
      next += 1
    }
    waitingSamples.remove(kept..<next)
    for peer in held.gone { drop(gone: peer) }
    return next > kept
  }

  /// False if the request keeps waiting.
  private mutating func serveInTurn(
    _ waiting: WaitingSample, _ held: inout Held, now: Instant, sink: some FrameSink
  ) -> Bool {
    let request = waiting.request
    let table: UInt64 = 1 << UInt64(request.table)
    if held.gone.contains(waiting.peer) {
      // Counted when its sampler is dropped.
      return false
    }
    guard held.tables & table == 0, !held.peers.contains(waiting.peer) else { return false }
    if waitsForItsLast(request, of: waiting.peer, now: now) {
      held.peers.insert(waiting.peer)
      return false
    }
    guard !isHeld(request, of: waiting.peer, now: now), !prefetchesBatches || !prefetch.isFull,
      store.canSample(table: request.table, count: request.count)
    else {
      held.tables |= table
      return false
    }
    if let problem = answers.problem(of: request) {
      // The schema has become known since the request came.
      refuse(.invalid, .sampleRequest, request.request, problem, waiting.peer, sink)
      samplers[waiting.peer]?.waiting -= 1
      return true
    }
    if prefetchesBatches {
      beginPrefetch(waiting, sink: sink)
      waitingSamples.didServe(waiting.turn)
      return true
    }
    acknowledge(sink: sink)
    switch room(for: request, to: waiting.peer, sink: sink) {
    case .now:
      serve(waiting, now: now, sink: sink)
      samplers[waiting.peer]?.waiting -= 1
      waitingSamples.didServe(waiting.turn)
      return true
    case .later:
      held.peers.insert(waiting.peer)
      waitingSamples.awaitRoom(now: now)
      return false
    case .gone:
      held.gone.insert(waiting.peer)
      return false
    }
  }

  /// Whether an answer can go to a sampler now.
  func room(for request: SampleRequest, to peer: PeerID, sink: some FrameSink) -> Room {
    let (_, parts, bytes) = answers.parts(of: request)
    return sink.room(forFrames: parts, bytes: bytes, to: peer)
  }

  /// Forgets a sampler whose connection is closed. Nothing was drawn for its requests.
  private mutating func drop(gone peer: PeerID) {
    counters.requestsOfGone += UInt64(waitingSamples.count(of: peer))
    forget(sampler: peer)
  }

  private mutating func serve(_ waiting: WaitingSample, now: Instant, sink: some FrameSink) {
    let request = waiting.request
    do throws(ReplayStoreError) {
      try store.sample(table: request.table, count: request.count, generator: &generator, into: &draw)
      recordServed(waiting, now: now)
      _ = try send(request, to: waiting.peer, sink: sink)
    } catch {
      refuse(.busy, .sampleRequest, request.request, error.description, waiting.peer, sink)
    }
  }

  /// Gathers the drawn items straight into frames of at most about `partBytes`. False if a frame
  /// could not be sent.
  mutating func send(
    _ request: SampleRequest, to peer: PeerID, sink: some FrameSink
  ) throws(ReplayStoreError) -> Bool {
    let fields = try store.batchFields(request.table)
    let (rowsPerPart, parts, _) = answers.parts(of: request)
    draws += 1
    var delivered = true
    for part in 0..<parts {
      let rows = part * rowsPerPart..<min(request.count, (part + 1) * rowsPerPart)
      let header = BatchHeader(
        request: request.request, draw: draws, part: part, parts: parts, firstRow: rows.lowerBound,
        rows: rows.count, batchRows: request.count, mass: draw.mass, itemCount: UInt64(draw.itemCount))
      try fill(header, rows, fields: fields, table: request.table)
      if !sink.send(frame: scratch, to: peer) { delivered = false }
    }
    if delivered { counters.batchesServed += 1 } else { counters.batchesUndelivered += 1 }
    return delivered
  }

  /// Writes one part of the drawn items into `scratch`.
  private func fill(
    _ header: BatchHeader, _ rows: Range<Int>, fields: [Field], table: Int
  ) throws(ReplayStoreError) {
    let places = Batch.reserve(scratch, header, fields: fields)
    draw.keys.withUnsafeBytes {
      scratch.pointer(at: places.keys).copyMemory(
        from: $0.baseAddress! + rows.lowerBound * 8, byteCount: rows.count * 8)
    }
    draw.probabilities.withUnsafeBytes {
      scratch.pointer(at: places.probabilities).copyMemory(
        from: $0.baseAddress! + rows.lowerBound * 4, byteCount: rows.count * 4)
    }
    let columns = zip(places.columns, fields).map { place, field in
      UnsafeMutableRawBufferPointer(start: scratch.pointer(at: place), count: rows.count * field.byteCount)
    }
    try store.gather(draw, table: table, rows: rows, into: columns)
    try store.gatherWeightsVersions(
      draw, rows: rows, into: scratch.pointer(at: places.versions).assumingMemoryBound(to: UInt64.self))
  }
}
