// Batches whose steps are being read from the disk.

internal import Foundations
public import ReplayStore
internal import Wire

/// A drawn batch whose steps are read into memory.
struct PrefetchBatch {
  var ticket: UInt64
  var waiting: WaitingSample
  var draw: Draw
  /// How often items were drawn again, because some had been removed while their steps were read.
  var rounds = 0
  /// The steps are in memory, and the batch waits for room on the way to its sampler.
  var isPrefetched = false
}

/// Pages that another thread has to read.
public struct PrefetchRequest: Sendable {
  /// The number by which `didPrefetch` reports that the pages are read.
  public var ticket: UInt64
  /// Pages of the store's files; `prefetch` reads them.
  public var pages: ColdPages
  /// A batch waits only for these few pages: read them before all other pages.
  public var isUrgent = false
}

/// What another thread reads: the steps of drawn batches, and steps that are to be checked. A draw
/// whose sampler is gone is kept for the next request of the same table and count.
struct PrefetchQueue {
  /// Batches that may wait for the disk at once: enough to keep a disk busy.
  static let countMax = 8
  /// Items may be removed while their steps are read; others are then drawn instead, and their
  /// steps read. After this many rounds the service reads the missing steps on its own thread.
  private static let roundsMax = 3

  private var batches: [PrefetchBatch] = []
  private var requests: [PrefetchRequest] = []
  private var nextTicket: UInt64 = 0
  private var spareDraws: [Draw] = []
  /// Draws for samplers that are gone.
  private var orphans: [Draw] = []
  /// The ticket of the steps in doubt that are being read; nil once all are checked.
  private(set) var checkingTicket: UInt64?

  var count: Int { batches.count }
  var isFull: Bool { batches.count >= Self.countMax }

  subscript(index: Int) -> PrefetchBatch {
    @inline(__always) get { batches[index] }
    @inline(__always) _modify { yield &batches[index] }
  }

  func index(of ticket: UInt64) -> Int? { batches.firstIndex { $0.ticket == ticket } }

  func contains(_ request: UInt64, of peer: PeerID) -> Bool {
    batches.contains { $0.waiting.peer == peer && $0.waiting.request.request == request }
  }

  func count(of peer: PeerID) -> Int { batches.count { $0.waiting.peer == peer } }

  /// The draw of a sampler that is gone, if one fits a request.
  mutating func popOrphan(for request: SampleRequest) -> Draw? {
    orphans.firstIndex { $0.table == request.table && $0.count == request.count }.map {
      orphans.remove(at: $0)
    }
  }

  /// Memory to draw into, used before if possible.
  mutating func popSpare() -> Draw { spareDraws.popLast() ?? Draw() }

  mutating func append(_ waiting: WaitingSample, _ draw: Draw, pages: ColdPages) {
    let ticket = request(pages)
    batches.append(PrefetchBatch(ticket: ticket, waiting: waiting, draw: draw))
  }

  /// Requests steps in doubt; they are checked once they are read.
  mutating func check(_ pages: ColdPages) { checkingTicket = request(pages) }

  mutating func endCheck() { checkingTicket = nil }

  private mutating func request(_ pages: ColdPages) -> UInt64 {
    defer { nextTicket += 1 }
    requests.append(PrefetchRequest(ticket: nextTicket, pages: pages))
    return nextTicket
  }

  /// Whether a batch may wait once more, for items that were drawn again.
  mutating func beginRound(at index: Int) -> Bool {
    guard batches[index].rounds < Self.roundsMax else { return false }
    batches[index].rounds += 1
    return true
  }

  /// Requests the pages of items that were drawn again, to be read before all other pages.
  mutating func readAgain(_ pages: ColdPages, at index: Int) {
    requests.append(PrefetchRequest(ticket: batches[index].ticket, pages: pages, isUrgent: true))
  }

  /// Pages that have to be read since the last call.
  mutating func takeRequests() -> [PrefetchRequest] {
    if requests.isEmpty { return [] }
    defer { requests.removeAll() }
    return requests
  }

  /// Keeps the draw of a batch whose sampler is gone for another.
  mutating func orphan(at index: Int) {
    if orphans.count == Self.countMax { orphans.removeFirst() }
    orphans.append(batches[index].draw)
    batches[index].draw = Draw()
  }

  /// Removes a batch that is answered or given up, and keeps its draw's memory.
  mutating func remove(at index: Int) -> WaitingSample {
    let batch = batches.remove(at: index)
    spareDraws.append(batch.draw)
    return batch.waiting
  }
}
