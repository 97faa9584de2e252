// Insert messages that wait at the service.

internal import Foundations

/// A message that a table's limiter, or its writer's quota, holds back.
struct WaitingInsert: TakesTurns {
  var writer: Int
  var sequence: UInt64
  var frame: [UInt8]
  /// Its steps, once it has been read; 0 before.
  var steps: Int
  var turn: UInt64 = 0
}

/// A queue that knows its bytes. Writers are served in turn; each writer's messages stay in order.
struct WaitingInserts {
  private(set) var entries: [WaitingInsert] = []
  private(set) var bytes = 0
  private var turns = Turns()

  var isEmpty: Bool { entries.isEmpty }
  var count: Int { entries.count }

  /// Queues a message of a writer whose last waiting one has the turn `last`. Returns the message's
  /// turn.
  mutating func append(_ entry: WaitingInsert, after last: UInt64?) -> UInt64 {
    var entry = entry
    entry.turn = turns.next(after: last)
    bytes += entry.frame.count
    entries.insertInTurn(entry)
    return entry.turn
  }

  /// The message at `index` has been let in, or refused.
  mutating func didServe(_ index: Int) { turns.serve(entries[index].turn) }

  /// Notes what reading an entry has told.
  mutating func setSteps(_ steps: Int, at index: Int) { entries[index].steps = steps }

  mutating func swapAt(_ first: Int, _ second: Int) {
    if first != second { entries.swapAt(first, second) }
  }

  mutating func remove(_ range: Range<Int>) {
    for entry in entries[range] { bytes -= entry.frame.count }
    entries.removeSubrange(range)
  }

  mutating func removeAll(of writer: Int) {
    entries.removeAll { entry in
      if entry.writer == writer { bytes -= entry.frame.count }
      return entry.writer == writer
    }
  }
}
