// Insert messages that wait at the service.

internal import Foundations

/// A message that a table's limiter or its writer's quota holds back.
struct WaitingInsert: TakesTurns {
  var writer: Int
  var sequence: UInt64
  var frame: [UInt8]
  /// Steps in the message, once it has been decoded; 0 before.
  var steps = 0
  /// Its place in the order in which writers are served (`Turns`).
  var turn: UInt64 = 0
}

/// A queue that counts its bytes and knows what blocks its first message. Writers are served round
/// robin; the messages of each writer stay in order.
struct WaitingInserts {
  /// What blocks the first message.
  struct Block {
    var table: Int
    var reason: String
    /// When the block began.
    var since: Instant
  }

  private var queue = TurnQueue<WaitingInsert>()
  private(set) var bytes = 0
  /// The table that blocks inserts, by its limiter or its unread items; nil if none does.
  private(set) var block: Block?
  /// When to check messages again that a quota holds back; nil while there are none.
  private(set) var nextQuotaCheck: Instant?
  private static let quotaCheckEvery = Instant.Span.seconds(1)

  var isEmpty: Bool { queue.isEmpty }
  var count: Int { queue.count }
  var all: [WaitingInsert] { queue.all }
  subscript(index: Int) -> WaitingInsert { queue[index] }

  /// Queues a message and returns its turn. `last` is the turn of its writer's last waiting
  /// message, nil if none waits.
  mutating func append(_ entry: WaitingInsert, after last: UInt64?) -> UInt64 {
    bytes += entry.frame.count
    return queue.append(entry, after: last)
  }

  /// Records that the message at `index` has been inserted or refused.
  mutating func didServe(_ index: Int) { queue.didServe(queue[index].turn) }

  /// Stores the steps that decoding a message has found.
  mutating func setSteps(_ steps: Int, at index: Int) { queue[index].steps = steps }

  /// Moves a message that still waits, while a pass closes the gaps of those served before it.
  mutating func move(from index: Int, to kept: Int) { queue.move(from: index, to: kept) }

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

  /// Records that a table blocks the first message.
  mutating func hold(table: Int, reason: String, now: Instant) {
    let since = block.flatMap { $0.table == table ? $0.since : nil } ?? now
    block = Block(table: table, reason: reason, since: since)
  }

  /// Records that no table is known to block the first message.
  mutating func release() { block = nil }

  /// Schedules the next check of quotas.
  /// - Parameter isHolding: a quota holds some message back.
  mutating func scheduleQuotaCheck(isHolding: Bool, now: Instant) {
    nextQuotaCheck = isHolding ? now + Self.quotaCheckEvery : nil
  }

  /// The first broken invariant, or nil.
  func checkInvariants(bytesMax: Int) -> String? {
    let found = all.reduce(0) { $0 + $1.frame.count }
    if found != bytes { return "\(found) bytes wait, counted \(bytes)" }
    if count > 1, bytes > bytesMax { return "\(bytes) bytes wait" }
    return block != nil && isEmpty ? "inserts are blocked, but none waits" : nil
  }
}
