// Insert messages that wait at the service.

internal import Foundations

/// A message that a table's limiter, or its writer's quota, holds back.
struct WaitingInsert {
  var writer: Int
  var sequence: UInt64
  var frame: [UInt8]
  /// Its steps, once it has been read; 0 before.
  var steps: Int
}

/// A queue that knows its bytes.
struct WaitingInserts {
  private(set) var entries: [WaitingInsert] = []
  private(set) var bytes = 0

  var isEmpty: Bool { entries.isEmpty }
  var count: Int { entries.count }

  mutating func append(_ entry: WaitingInsert) {
    bytes += entry.frame.count
    entries.append(entry)
  }

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
