// Staleness: how far learners are, which actors may act, and which items are too old.

internal import Experience
internal import Foundations
internal import ReplayStore
internal import Wire

extension ReplayMachine {
  /// A learner of a table with a bound on staleness says how far it is.
  mutating func progress(_ progress: Progress, from peer: PeerID, now: Instant, sink: some FrameSink) {
    guard samplers.hear(from: peer, now: now) != nil else {
      return refuseStranger(.progress, 0, as: .sampler, peer, sink)
    }
    guard progress.table < configuration.store.tables.count else {
      let text = "expected a table below \(configuration.store.tables.count), found \(progress.table)"
      return refuse(.invalid, .progress, 0, text, peer, sink)
    }
    guard configuration.store.tables[progress.table].staleness != nil else { return }
    self.progress = max(self.progress, progress.version)
    samplers[peer]?.trained = progress.trained
    pacer?.receive(progress, from: peer, now: now)
    // Requests that wait and that the learner has given up: their items would be lost.
    let given = waitingSamples.removeAll(of: peer, upTo: progress.request)
    samplers[peer]?.waiting -= given
    round.didRequest()
  }

  /// An actor asks for steps.
  mutating func stepRequest(_ request: StepRequest, from peer: PeerID, now: Instant, sink: some FrameSink) {
    guard let handle = writers.handle(of: peer), writers.hear(handle, now: now) != nil else {
      return refuseStranger(.stepRequest, request.number, as: .writer, peer, sink)
    }
    guard pacer != nil else {
      let text =
        "expected a table with replay.max_staleness and replay.when_stale pace, found none; start this client and the "
        + "replay from one configuration"
      return refuse(.invalid, .stepRequest, request.number, text, peer, sink)
    }
    if let answered = pacer?.receive(request, from: handle, now: now) { send(answered, to: peer, sink: sink) }
  }

  /// Gives grants while there is room for them.
  mutating func grantSteps(now: Instant, sink: some FrameSink) {
    guard let table = pacer?.configuration.table else { return }
    while let next = pacer?.nextGrant(
      items: store.size(ofTable: table), wanted: waitingSamples.first(of: table)?.request.count,
      committed: { [writers] in writers[$0]?.committed ?? .max }, now: now)
    {
      counters.stepsGranted += next.grant.steps
      if let peer = writers[next.actor]?.peer { send(next.grant, to: peer, sink: sink) }
    }
  }

  private func send(_ grant: StepGrant, to peer: PeerID, sink: some FrameSink) {
    grant.encode(into: scratch)
    sink.send(scratch.bytes, to: peer)
  }

  /// Serves what a silent peer has held up, and gives grants for its part.
  mutating func drainSamplesAndGrant(now: Instant, sink: some FrameSink) {
    drain(now: now, sink: sink)
    grantSteps(now: now, sink: sink)
  }

  /// Tells the pacer of the message that was just committed.
  mutating func recordInserted(_ handle: Int, now: Instant) {
    guard pacer != nil else { return }
    pacer?.didInsert(
      of: handle, steps: insertion.stepCount,
      chunks: insertion.chunks.lazy.map { ($0.stream, $0.firstIndex + UInt64($0.count)) }, now: now)
  }

  /// Tells the pacer of the items that were just drawn.
  mutating func recordServed(_ waiting: WaitingSample, now: Instant) {
    let request = waiting.request
    guard request.table == pacer?.configuration.table else { return }
    var versions = [UInt64](repeating: .max, count: draw.count)
    // The items were drawn from live steps.
    versions.withUnsafeMutableBufferPointer { try? store.gatherWeightsVersions(draw, into: $0.baseAddress!) }
    pacer?.didServe(
      request.request, items: draw.count, oldest: versions.min() ?? 0, to: waiting.peer, now: now)
  }

  /// Removes items that are too old for the learners' weights. True if the request must wait even
  /// though there may be items.
  mutating func isHeld(_ request: SampleRequest, of peer: PeerID, now: Instant) -> Bool {
    guard configuration.store.tables[request.table].staleness != nil else { return false }
    for (handle, count) in store.removeOutdated(table: request.table, at: progress) {
      let label = writers.labels[handle]?.text ?? ""
      let isKnown = counters.itemsOutdated[label] != nil || counters.itemsOutdated.count < 1000
      counters.itemsOutdated[isKnown ? label : "", default: 0] += UInt64(count)
    }
    return reasonHeld(request, of: peer, now: now) != nil
  }

  /// Whether the request waits until its learner has trained on the batch that it has.
  func waitsForItsLast(_ request: SampleRequest, of peer: PeerID, now: Instant) -> Bool {
    guard let pacer, request.table == pacer.configuration.table else { return false }
    return pacer.waitsForItsLast(peer, now: now) { store.ages(ofTable: request.table, at: $0) }
  }

  func reasonHeld(_ request: SampleRequest, of peer: PeerID, now: Instant) -> String? {
    guard let pacer, request.table == pacer.configuration.table else { return nil }
    return pacer.reasonHeld(request.count, for: peer, now: now) {
      store.ages(ofTable: request.table, at: $0)
    }
  }

  /// Why the pacer holds the first waiting request; nil if it holds none.
  func reasonHeld(now: Instant) -> String? {
    guard let pacer, let first = waitingSamples.first(of: pacer.configuration.table) else { return nil }
    return reasonHeld(first.request, of: first.peer, now: now)
  }
}
