// Batches whose steps are read from the disk before they are sent.

internal import Experience
public import Foundations
internal import ReplayStore
internal import Wire

extension ReplayMachine {
  /// Draws a batch now, and has another thread read its steps: the disk must not delay
  /// acknowledgements.
  mutating func beginPrefetch(_ waiting: WaitingSample, sink: some FrameSink) {
    let request = waiting.request
    let drawn: Draw
    do throws(ReplayStoreError) {
      drawn = try drawForPrefetch(request)
    } catch {
      samplers[waiting.peer]?.waiting -= 1
      return refuse(.busy, .sampleRequest, request.request, error.description, waiting.peer, sink)
    }
    var pages = ColdPages()
    store.coldPages(of: drawn, into: &pages)
    prefetch.append(waiting, drawn, pages: pages)
  }

  private mutating func drawForPrefetch(_ request: SampleRequest) throws(ReplayStoreError) -> Draw {
    if let orphan = prefetch.popOrphan(for: request) { return orphan }
    var draw = prefetch.popSpare()
    try store.sample(table: request.table, count: request.count, generator: &generator, into: &draw)
    return draw
  }

  /// What has to be read for batches that were drawn since the last call; another thread reads it.
  public mutating func takePrefetchRequests() -> [PrefetchRequest] {
    prefetch.takeRequests()
  }

  /// Call this when the steps of a batch have been read: it is sent as soon as there is room. Items
  /// that were evicted meanwhile are drawn again, and their steps are read first.
  public mutating func didPrefetch(_ ticket: UInt64, now: Instant, sink: some FrameSink) {
    if ticket == prefetch.checkingTicket { return check() }
    guard let index = prefetch.index(of: ticket) else { return }
    let waiting = prefetch[index].waiting
    do throws(ReplayStoreError) {
      if try replaceGone(at: index) { return }
      prefetch[index].isPrefetched = true
    } catch {
      refuse(.busy, .sampleRequest, waiting.request.request, error.description, waiting.peer, sink)
      end(at: index)
    }
    sendPrefetched(now: now, sink: sink)
    drain(now: now, sink: sink)
  }

  /// Sends batches whose steps are in memory, as far as there is room.
  mutating func sendPrefetched(now: Instant, sink: some FrameSink) {
    var index = 0
    while index < prefetch.count {
      if prefetch[index].isPrefetched, sendPrefetched(at: index, now: now, sink: sink) { continue }
      index += 1
    }
  }

  /// False if a batch keeps waiting for room. The draw for a sampler that is gone is kept for the
  /// next request that it fits.
  private mutating func sendPrefetched(at index: Int, now: Instant, sink: some FrameSink) -> Bool {
    let waiting = prefetch[index].waiting
    switch room(for: waiting.request, to: waiting.peer, sink: sink) {
    case .now:
      swap(&draw, &prefetch[index].draw)
      do throws(ReplayStoreError) {
        _ = try send(waiting.request, to: waiting.peer, sink: sink)
      } catch {
        refuse(.busy, .sampleRequest, waiting.request.request, error.description, waiting.peer, sink)
      }
    case .later:
      waitingSamples.awaitRoom(now: now)
      return false
    case .gone:
      counters.requestsOfGone += 1
      forget(sampler: waiting.peer)
      prefetch.orphan(at: index)
    }
    end(at: index)
    return true
  }

  private mutating func end(at index: Int) {
    let waiting = prefetch.remove(at: index)
    samplers[waiting.peer]?.waiting -= 1
  }

  /// Draws new items in place of those that are gone. True if the batch has to wait until they are
  /// read.
  private mutating func replaceGone(at index: Int) throws(ReplayStoreError) -> Bool {
    let replaced = try store.replaceGone(in: &prefetch[index].draw, generator: &generator)
    counters.itemsRedrawn += UInt64(replaced.count)
    guard !replaced.isEmpty, prefetch.beginRound(at: index) else { return false }
    var pages = ColdPages()
    store.coldPages(of: prefetch[index].draw, at: replaced, into: &pages)
    prefetch.readAgain(pages, at: index)
    return true
  }
}
