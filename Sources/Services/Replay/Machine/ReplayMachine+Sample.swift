// Taking requests for batches, and priorities.

internal import Experience
internal import Foundations
internal import ReplayStore
internal import Wire

extension ReplayMachine {
  mutating func sample(
    _ request: SampleRequest, from peer: PeerID, now: Instant, sink: some FrameSink
  ) {
    guard var sampler = samplers[peer] else {
      return refuseStranger(.sampleRequest, request.request, as: .sampler, peer, sink)
    }
    sampler.lastHeard = now
    sampler.isProven = true
    samplers[peer] = sampler
    if let problem = problem(of: request) {
      return refuse(.invalid, .sampleRequest, request.request, problem, peer, sink)
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
        .busy, .sampleRequest, request.request,
        "\(configuration.credit) requests wait already; wait for their answers", peer, sink)
    }
    let turn = sampleTurns.next(after: sampler.waiting > 0 ? sampler.lastTurn : nil)
    samplers[peer]?.waiting += 1
    samplers[peer]?.lastTurn = turn
    waitingSamples.insertInTurn(WaitingSample(peer: peer, request: request, since: now, turn: turn))
    isDrainDue = true
  }

  /// Why a request can never be answered; nil if it can.
  func problem(of request: SampleRequest) -> String? {
    let tables = configuration.store.tables
    guard request.table < tables.count else {
      return "expected a table below \(tables.count), found table \(request.table)"
    }
    let most = rowsMax(request.table)
    if request.count > 0, request.count <= most { return nil }
    let expected = "expected 1 to \(most) items of table '\(tables[request.table].schema.name)'"
    guard request.table < answerRowBytes.count, request.count > most else {
      return "\(expected), found \(request.count)"
    }
    let (bytes, overflow) = request.count.multipliedReportingOverflow(by: answerRowBytes[request.table])
    let found = overflow ? "more" : "\(bytes)"
    return
      "\(expected), found \(request.count): \(answerRowBytes[request.table]) bytes each are \(found), and an "
      + "answer has at most \(configuration.answerBytesMax); ask for fewer"
  }

  /// The most items of one request to a table.
  func rowsMax(_ table: Int) -> Int {
    let most = configuration.store.tables[table].batchSizeMax
    guard table < answerRowBytes.count else { return most }
    return min(most, max(1, configuration.answerBytesMax / answerRowBytes[table]))
  }

  mutating func priorities(_ update: PriorityUpdate, from peer: PeerID, sink: some FrameSink) {
    guard samplers[peer] != nil else {
      counters.prioritiesRefused += UInt64(update.count)
      return refuseStranger(.priorities, 0, as: .sampler, peer, sink)
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
      refuse(.invalid, .priorities, 0, error.description, peer, sink)
    }
  }
}
