// Batches that wait for the disk.

internal import Experience
public import Foundations
public import ReplayStore
internal import Wire

/// A batch that has been drawn, whose steps are being read into memory.
struct WarmingBatch {
  var ticket: UInt64
  var waiting: ReplayMachine.WaitingSample
  var draw: Draw
}

/// What another thread is to have read.
public struct WarmingRequest: Sendable {
  public var ticket: UInt64
  public var pages: ColdPages
}

extension ReplayMachine {
  /// Batches that may be waited for at once: enough to keep a disk busy.
  static let warmingMax = 8

  /// Draws a batch now, and leaves its steps to be read by another thread: a disk must not hold up acknowledgements.
  mutating func beginWarming(_ waiting: WaitingSample, sink: inout some FrameSink) {
    var batch = WarmingBatch(
      ticket: nextWarmingTicket, waiting: waiting, draw: spareDraws.popLast() ?? Draw())
    let request = waiting.request
    do throws(ReplayStoreError) {
      try store.sample(table: request.table, count: request.count, generator: &generator, into: &batch.draw)
    } catch {
      samplers[waiting.peer]?.waiting -= 1
      return refuse(.busy, .sampleRequest, request.request, error.description, waiting.peer, &sink)
    }
    var pages = ColdPages()
    store.coldPages(of: batch.draw, into: &pages)
    warmingRequests.append(WarmingRequest(ticket: batch.ticket, pages: pages))
    warming.append(batch)
    nextWarmingTicket += 1
  }

  /// What has to be read for batches that were drawn since the last call.
  public mutating func takeWarmingRequests() -> [WarmingRequest] {
    if warmingRequests.isEmpty { return [] }
    defer { warmingRequests.removeAll() }
    return warmingRequests
  }

  /// The steps of a batch are in memory: sends it. Items whose steps were evicted meanwhile are drawn anew.
  public mutating func didWarm(_ ticket: UInt64, now: Instant, sink: inout some FrameSink) {
    guard let index = warming.firstIndex(where: { $0.ticket == ticket }) else { return }
    var batch = warming.remove(at: index)
    let request = batch.waiting.request
    do throws(ReplayStoreError) {
      counters.itemsDrawnAnew += UInt64(try store.replaceGone(in: &batch.draw, generator: &generator))
      swap(&draw, &batch.draw)
      try send(request, to: batch.waiting.peer, sink: &sink)
    } catch {
      refuse(.busy, .sampleRequest, request.request, error.description, batch.waiting.peer, &sink)
    }
    spareDraws.append(batch.draw)
    samplers[batch.waiting.peer]?.waiting -= 1
    drain(now: now, sink: &sink)
  }
}
