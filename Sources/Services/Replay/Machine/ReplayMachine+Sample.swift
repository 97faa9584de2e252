// Receives requests for batches, and priorities.

internal import Experience
internal import Foundations
internal import ReplayStore
internal import Wire

extension ReplayMachine {
  mutating func sample(
    _ request: SampleRequest, from peer: PeerID, now: Instant, sink: some FrameSink
  ) {
    guard let sampler = samplers.hear(from: peer, now: now) else {
      return refuseStranger(.sampleRequest, request.request, as: .sampler, peer, sink)
    }
    hearLearner(sampler.id, now: now)
    if request.table == pacer?.configuration.table {
      if pacer?.isAnswered(request.request, of: peer, now: now) == true {
        return counters.requestsRepeated += 1
      }
      pacer?.receive(request: request.request, from: peer, now: now)
    }
    if let problem = answers.problem(of: request) {
      return refuse(.invalid, .sampleRequest, request.request, problem, peer, sink)
    }
    if sampler.waiting > 0,
      waitingSamples.contains(request.request, of: peer) || prefetch.contains(request.request, of: peer)
    {
      return counters.requestsRepeated += 1
    }
    guard sampler.waiting < configuration.credit else {
      return refuse(
        .busy, .sampleRequest, request.request,
        "expected at most \(configuration.credit) requests to wait; wait for their answers", peer, sink)
    }
    let turn = waitingSamples.append(
      request, from: peer, after: sampler.waiting > 0 ? sampler.lastTurn : nil, now: now)
    samplers[peer]?.waiting += 1
    samplers[peer]?.lastTurn = turn
    round.didRequest()
  }

  mutating func priorities(_ update: PriorityUpdate, from peer: PeerID, sink: some FrameSink) {
    guard samplers[peer] != nil else {
      counters.prioritiesRefused += UInt64(update.count)
      return refuseStranger(.priorities, 0, as: .sampler, peer, sink)
    }
    // Without a schema there are no items: these priorities are for an earlier incarnation.
    guard store.schema != nil else { return counters.prioritiesGone += UInt64(update.count) }
    do throws(ReplayStoreError) {
      let (applied, gone) = try store.updatePriorities(
        table: update.table, keys: update.keys, priorities: update.priorities)
      counters.prioritiesApplied += UInt64(applied)
      counters.prioritiesGone += UInt64(gone)
    } catch {
      counters.prioritiesRefused += UInt64(update.count)
      refuse(.invalid, .priorities, 0, error.description, peer, sink)
    }
  }
}
