// Serving batches and taking priorities.

internal import Experience
internal import Foundations
internal import ReplayStore
internal import Wire

extension ReplayMachine {
  mutating func sample(
    _ request: SampleRequest, from peer: PeerID, now: Instant, sink: inout some FrameSink
  ) {
    guard var sampler = samplers[peer] else {
      return refuse(.unknownPeer, .sampleRequest, request.request, "say HELLO first", peer, &sink)
    }
    sampler.lastHeard = now
    samplers[peer] = sampler
    let tables = configuration.store.tables
    guard request.table < tables.count, request.count > 0, request.count <= tables[request.table].batchSizeMax
    else {
      let most = request.table < tables.count ? tables[request.table].batchSizeMax : 0
      let text =
        "expected a table below \(tables.count) and 1 to \(most) items, found table \(request.table), \(request.count) items"
      return refuse(.invalid, .sampleRequest, request.request, text, peer, &sink)
    }
    func isThis(_ waiting: WaitingSample) -> Bool {
      waiting.peer == peer && waiting.request.request == request.request
    }
    if sampler.waiting > 0,
      waitingSamples.contains(where: isThis) || warming.contains(where: { isThis($0.waiting) })
    {
      return counters.requestsRepeated += 1
    }
    guard sampler.waiting < configuration.credit else {
      return refuse(
        .busy, .sampleRequest, request.request, "\(configuration.credit) requests wait already", peer, &sink)
    }
    samplers[peer]?.waiting += 1
    waitingSamples.append(WaitingSample(peer: peer, request: request, since: now))
    isDrainDue = true
  }

  /// Serves each table's waiting requests in order, as far as its limiter admits.
  mutating func drainSamples(now: Instant, sink: inout some FrameSink) -> Bool {
    var (next, kept) = (0, 0)
    // A bit for each table that admits nothing more: one that waits holds up no other.
    var blocked: UInt64 = 0
    while next < waitingSamples.count, blocked.nonzeroBitCount < configuration.store.tables.count {
      let waiting = waitingSamples[next]
      let table: UInt64 = 1 << UInt64(waiting.request.table)
      if blocked & table == 0, !warmsBatches || warming.count < Self.warmingMax,
        store.canSample(table: waiting.request.table, count: waiting.request.count)
      {
        if warmsBatches {
          beginWarming(waiting, sink: &sink)
        } else {
          serve(waiting, sink: &sink)
          samplers[waiting.peer]?.waiting -= 1
        }
      } else {
        blocked |= table
        if kept != next { waitingSamples.swapAt(kept, next) }
        kept += 1
      }
      next += 1
    }
    waitingSamples.removeSubrange(kept..<next)
    samplesBlockedSince = waitingSamples.first?.since
    return next > kept
  }

  private mutating func serve(_ waiting: WaitingSample, sink: inout some FrameSink) {
    let request = waiting.request
    acknowledge(sink: &sink)
    do throws(ReplayStoreError) {
      try store.sample(table: request.table, count: request.count, generator: &generator, into: &draw)
      try send(request, to: waiting.peer, sink: &sink)
    } catch {
      refuse(.busy, .sampleRequest, request.request, error.description, waiting.peer, &sink)
    }
  }

  /// Gathers the drawn items straight into frames of at most about `partBytes`.
  mutating func send(
    _ request: SampleRequest, to peer: PeerID, sink: inout some FrameSink
  ) throws(ReplayStoreError) {
    let fields = try store.batchFields(request.table)
    let rowBytes = fields.reduce(20) { $0 + $1.byteCount }
    let rowsPerPart = max(1, min(request.count, configuration.partBytes / rowBytes))
    let parts = (request.count + rowsPerPart - 1) / rowsPerPart
    var delivered = true
    for part in 0..<parts {
      let rows = part * rowsPerPart..<min(request.count, (part + 1) * rowsPerPart)
      let header = BatchHeader(
        request: request.request, part: part, parts: parts, firstRow: rows.lowerBound, rows: rows.count,
        batchRows: request.count, mass: draw.mass, itemCount: UInt64(draw.itemCount))
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
      try store.gather(draw, table: request.table, rows: rows, into: columns)
      try store.gatherWeightsVersions(
        draw, rows: rows,
        into: scratch.pointer(at: places.versions).assumingMemoryBound(to: UInt64.self))
      if !sink.send(frame: scratch, to: peer) { delivered = false }
    }
    if delivered { counters.batchesServed += 1 } else { counters.batchesUndelivered += 1 }
  }

  mutating func priorities(_ update: PriorityUpdate, from peer: PeerID, sink: inout some FrameSink) {
    guard samplers[peer] != nil else {
      counters.prioritiesRefused += UInt64(update.count)
      return refuse(.unknownPeer, .priorities, 0, "say HELLO first", peer, &sink)
    }
    // Before the first writer there are no items: these priorities were meant for an earlier life.
    guard store.schema != nil else { return counters.prioritiesGone += UInt64(update.count) }
    do throws(ReplayStoreError) {
      let (applied, gone) = try store.updatePriorities(
        table: update.table, keys: update.keys, priorities: update.priorities)
      counters.prioritiesApplied += UInt64(applied)
      counters.prioritiesGone += UInt64(gone)
    } catch {
      counters.prioritiesRefused += UInt64(update.count)
      refuse(.invalid, .priorities, 0, error.description, peer, &sink)
    }
  }
}
