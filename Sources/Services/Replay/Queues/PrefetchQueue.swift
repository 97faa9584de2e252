// Batches whose steps are being read from the disk.

internal import Foundations
public import ReplayStore
internal import Wire

/// A batch that has been drawn, whose steps are being read into memory.
struct PrefetchBatch {
  var ticket: UInt64
  var waiting: WaitingSample
  var draw: Draw
  /// How often items have been drawn anew, as theirs had gone.
  var rounds = 0
  /// Its steps are in memory: it waits for room on the way to its sampler.
  var isPrefetched = false
}

/// What another thread is to have read.
public struct PrefetchRequest: Sendable {
  public var ticket: UInt64
  public var pages: ColdPages
  /// A batch waits for these last few: before others.
  public var isUrgent = false
}

/// What another thread reads: the steps of batches that are drawn, and those that are to be checked. What was drawn for a sampler
/// that went away is kept for the next that asks for as much.
struct PrefetchQueue {
  /// Batches that may be waited for at once: enough to keep a disk busy.
  static let countMax = 8
  /// Each time a few of a few have gone again; what is left then is read by the service itself.
  private static let roundsMax = 3

  private var batches: [PrefetchBatch] = []
  private var requests: [PrefetchRequest] = []
  private var nextTicket: UInt64 = 0
  private var spareDraws: [Draw] = []
  private var orphans: [Draw] = []
  /// The ticket of what is being read of steps that are in doubt; nil once all are checked.
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

  /// What was drawn for somebody who went away.
  mutating func takeOrphan(for request: SampleRequest) -> Draw? {
    orphans.firstIndex { $0.table == request.table && $0.count == request.count }.map {
      orphans.remove(at: $0)
    }
  }

  /// Memory to draw into.
  mutating func takeSpare() -> Draw { spareDraws.popLast() ?? Draw() }

  mutating func append(_ waiting: WaitingSample, _ draw: Draw, pages: ColdPages) {
    let ticket = request(pages)
    batches.append(PrefetchBatch(ticket: ticket, waiting: waiting, draw: draw))
  }

  /// Has steps read that are to be checked then.
  mutating func check(_ pages: ColdPages) { checkingTicket = request(pages) }

  mutating func endCheck() { checkingTicket = nil }

  private mutating func request(_ pages: ColdPages) -> UInt64 {
    defer { nextTicket += 1 }
    requests.append(PrefetchRequest(ticket: nextTicket, pages: pages))
    return nextTicket
  }

  /// Whether a batch may wait once more for items that were drawn anew.
  mutating func beginRound(at index: Int) -> Bool {
    guard batches[index].rounds < Self.roundsMax else { return false }
    batches[index].rounds += 1
    return true
  }

  /// Has the pages of what was drawn anew read before others.
  mutating func readAgain(_ pages: ColdPages, at index: Int) {
    requests.append(PrefetchRequest(ticket: batches[index].ticket, pages: pages, isUrgent: true))
  }

  /// What has to be read since the last call.
  mutating func takeRequests() -> [PrefetchRequest] {
    if requests.isEmpty { return [] }
    defer { requests.removeAll() }
    return requests
  }

  /// The sampler of a batch is gone: keeps what was drawn for another.
  mutating func orphan(at index: Int) {
    if orphans.count == Self.countMax { orphans.removeFirst() }
    orphans.append(batches[index].draw)
    batches[index].draw = Draw()
  }

  /// A batch is answered, or given up. Its draw's memory is used again.
  mutating func remove(at index: Int) -> WaitingSample {
    let batch = batches.remove(at: index)
    spareDraws.append(batch.draw)
    return batch.waiting
  }
}
