// Requests for batches that wait at the service.

internal import Foundations
internal import Wire

struct WaitingSample: TakesTurns {
  var peer: PeerID
  var request: SampleRequest
  var since: Instant
  var turn: UInt64 = 0
}

/// Requests that a table's limiter blocks, or for which there is no room on the way. Samplers are
/// served round robin.
struct SampleQueue {
  private var queue = TurnQueue<WaitingSample>()
  /// When to look for room on the way to samplers again; nil while no request waits for it.
  private(set) var nextRoomCheck: Instant?
  /// Time after which room is looked for again, if the sink does not report it earlier.
  private static let roomCheckEvery = Instant.Span.milliseconds(5)

  var isEmpty: Bool { queue.isEmpty }
  var count: Int { queue.count }
  var all: [WaitingSample] { queue.all }
  /// The request that is served next.
  var first: WaitingSample? { queue.first }
  subscript(index: Int) -> WaitingSample { queue[index] }

  /// Queues a request. `last` is the turn of its sampler's last waiting request, nil if none waits.
  /// Returns its turn.
  mutating func append(_ request: SampleRequest, from peer: PeerID, after last: UInt64?, now: Instant)
    -> UInt64
  {
    queue.append(WaitingSample(peer: peer, request: request, since: now), after: last)
  }

  func contains(_ request: UInt64, of peer: PeerID) -> Bool {
    queue.all.contains { $0.peer == peer && $0.request.request == request }
  }

  func count(of peer: PeerID) -> Int { queue.all.count { $0.peer == peer } }

  /// The first request that waits for a table.
  func first(of table: Int) -> WaitingSample? { queue.all.first { $0.request.table == table } }

  mutating func didServe(_ turn: UInt64) { queue.didServe(turn) }
  mutating func move(from index: Int, to kept: Int) { queue.move(from: index, to: kept) }
  mutating func remove(_ range: Range<Int>) { queue.remove(range) }
  /// Removes the requests up to a number; returns how many there were.
  mutating func removeAll(of peer: PeerID, upTo request: UInt64) -> Int {
    let before = count
    queue.removeAll { $0.peer == peer && $0.request.request <= request }
    return before - count
  }
  mutating func removeAll(of peer: PeerID) { queue.removeAll { $0.peer == peer } }

  /// Remembers that there was no room on the way to a sampler.
  mutating func awaitRoom(now: Instant) { nextRoomCheck = now + Self.roomCheckEvery }

  /// Whether anything waits for room. The caller looks for it now.
  mutating func clearRoomCheck() -> Bool {
    defer { nextRoomCheck = nil }
    return nextRoomCheck != nil
  }
}
