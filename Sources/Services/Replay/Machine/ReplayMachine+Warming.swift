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
  /// How often items have been drawn anew, as theirs had gone.
  var rounds = 0
  /// Its steps are in memory: it waits for room on the way to its sampler.
  var isWarm = false
}

/// What another thread is to have read.
public struct WarmingRequest: Sendable {
  public var ticket: UInt64
  public var pages: ColdPages
  /// A batch waits for these last few: before others.
  public var isUrgent = false
}

extension ReplayMachine {
  /// Batches that may be waited for at once: enough to keep a disk busy.
  static let warmingMax = 8
  /// Each time a few of a few have gone again; what is left then is read by the service itself.
  private static let roundsMax = 3

  /// Draws a batch now, and leaves its steps to be read by another thread: a disk must not hold up acknowledgements.
  mutating func beginWarming(_ waiting: WaitingSample, sink: some FrameSink) {
    let request = waiting.request
    var batch = WarmingBatch(ticket: nextWarmingTicket, waiting: waiting, draw: Draw())
    if let index = orphans.firstIndex(where: { $0.table == request.table && $0.count == request.count }) {
      batch.draw = orphans.remove(at: index)
    } else {
      batch.draw = spareDraws.popLast() ?? Draw()
      do throws(ReplayStoreError) {
        try store.sample(table: request.table, count: request.count, generator: &generator, into: &batch.draw)
      } catch {
        samplers[waiting.peer]?.waiting -= 1
        return refuse(.busy, .sampleRequest, request.request, error.description, waiting.peer, sink)
      }
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

  /// The steps of a batch are in memory: sends it as soon as there is room. Items whose steps were
  /// evicted meanwhile are drawn anew, and have to be read first too.
  public mutating func didWarm(_ ticket: UInt64, now: Instant, sink: some FrameSink) {
    if ticket == checkingTicket { return check() }
    guard let index = warming.firstIndex(where: { $0.ticket == ticket }) else { return }
    let waiting = warming[index].waiting
    do throws(ReplayStoreError) {
      if try replaceGone(at: index) { return }
      warming[index].isWarm = true
    } catch {
      refuse(.busy, .sampleRequest, waiting.request.request, error.description, waiting.peer, sink)
      end(at: index)
    }
    sendWarmed(now: now, sink: sink)
    drain(now: now, sink: sink)
  }

  /// Sends batches whose steps are in memory, as far as there is room.
  mutating func sendWarmed(now: Instant, sink: some FrameSink) {
    var index = 0
    while index < warming.count {
      if warming[index].isWarm, sendWarmed(at: index, now: now, sink: sink) { continue }
      index += 1
    }
  }

  /// False if a batch goes on waiting for room. What was drawn for a sampler that is gone is kept
  /// for the next that asks.
  private mutating func sendWarmed(at index: Int, now: Instant, sink: some FrameSink) -> Bool {
    let waiting = warming[index].waiting
    switch room(for: waiting.request, to: waiting.peer, sink: sink) {
    case .now:
      swap(&draw, &warming[index].draw)
      do throws(ReplayStoreError) {
        _ = try send(waiting.request, to: waiting.peer, sink: sink)
      } catch {
        refuse(.busy, .sampleRequest, waiting.request.request, error.description, waiting.peer, sink)
      }
    case .later:
      nextRoomCheck = now + Self.roomCheckEvery
      return false
    case .gone:
      counters.requestsOfGone += 1
      forget(sampler: waiting.peer)
      if orphans.count == Self.warmingMax { orphans.removeFirst() }
      orphans.append(warming[index].draw)
      warming[index].draw = Draw()
    }
    end(at: index)
    return true
  }

  private mutating func end(at index: Int) {
    let batch = warming.remove(at: index)
    spareDraws.append(batch.draw)
    samplers[batch.waiting.peer]?.waiting -= 1
  }

  /// Whether some items of a batch were drawn anew that shall be read.
  private mutating func replaceGone(at index: Int) throws(ReplayStoreError) -> Bool {
    let replaced = try store.replaceGone(in: &warming[index].draw, generator: &generator)
    counters.itemsDrawnAnew += UInt64(replaced.count)
    guard !replaced.isEmpty, warming[index].rounds < Self.roundsMax else { return false }
    warming[index].rounds += 1
    var pages = ColdPages()
    store.coldPages(of: warming[index].draw, at: replaced, into: &pages)
    warmingRequests.append(WarmingRequest(ticket: warming[index].ticket, pages: pages, isUrgent: true))
    return true
  }
}
