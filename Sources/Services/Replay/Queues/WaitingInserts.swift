// Insert messages that wait at the service.

internal import Foundations

/// A message that a table's limiter, or its writer's quota, holds back.
struct WaitingInsert: TakesTurns {
  var writer: Int
  var sequence: UInt64
  var frame: [UInt8]
  /// Its steps, once it has been read; 0 before.
  var steps = 0
  var turn: UInt64 = 0
}

/// A queue that knows its bytes and what holds its first message back. Writers are served in turn; each writer's messages stay
/// in order.
struct WaitingInserts {
  /// What holds the first message back.
  struct Block {
    var table: Int
    var reason: String
    /// Since when it has let nothing in.
    var since: Instant
  }

  private var queue = TurnQueue<WaitingInsert>()
  private(set) var bytes = 0
  /// Whose limiter, or unread items, hold inserts back; nil while everything is let in that no quota holds.
  private(set) var block: Block?
  /// When to look again at messages that a quota holds; nil while there are none.
  private(set) var nextQuotaCheck: Instant?
  private static let quotaCheckEvery = Instant.Span.seconds(1)

  var isEmpty: Bool { queue.isEmpty }
  var count: Int { queue.count }
  var all: [WaitingInsert] { queue.all }
  subscript(index: Int) -> WaitingInsert { queue[index] }

  /// Queues a message of a writer whose last waiting one has the turn `last`. Returns the message's
  /// turn.
  mutating func append(_ entry: WaitingInsert, after last: UInt64?) -> UInt64 {
    bytes += entry.frame.count
    return queue.append(entry, after: last)
  }

  /// The message at `index` has been let in, or refused.
  mutating func didServe(_ index: Int) { queue.didServe(queue[index].turn) }

  /// Notes what reading an entry has told.
  mutating func setSteps(_ steps: Int, at index: Int) { queue[index].steps = steps }

  mutating func keep(_ index: Int, at kept: Int) { queue.keep(index, at: kept) }

  mutating func remove(_ range: Range<Int>) {
    for index in range { bytes -= queue[index].frame.count }
    queue.remove(range)
  }

  mutating func removeAll(of writer: Int) {
    var left = bytes
    queue.removeAll { entry in
      if entry.writer == writer { left -= entry.frame.count }
      return entry.writer == writer
    }
    bytes = left
  }

  /// A table holds back the message that would be next.
  mutating func hold(table: Int, reason: String, now: Instant) {
    let since = block.flatMap { $0.table == table ? $0.since : nil } ?? now
    block = Block(table: table, reason: reason, since: since)
  }

  /// What waits next may be let in, as far as is known.
  mutating func release() { block = nil }

  /// Whether a quota holds a message.
  mutating func noteShares(holds: Bool, now: Instant) {
    nextQuotaCheck = holds ? now + Self.quotaCheckEvery : nil
  }

  /// The first thing that does not hold, or nil.
  func checkInvariants(bytesMax: Int) -> String? {
    let found = all.reduce(0) { $0 + $1.frame.count }
    if found != bytes { return "\(found) bytes wait, counted \(bytes)" }
    if count > 1, bytes > bytesMax { return "\(bytes) bytes wait" }
    return block != nil && isEmpty ? "inserts are blocked, but none waits" : nil
  }
}
