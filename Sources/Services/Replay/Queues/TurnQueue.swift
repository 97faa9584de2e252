// Round-robin order: which entry is served next.

/// Numbers waiting entries so that all clients are served round robin, no matter how many entries
/// one of them has: the n-th entry of a client has a turn n after the one served last (start-time
/// fair queueing; Goyal, Vin & Cheng 1996, each entry of weight 1).
struct Turns {
  private var served: UInt64 = 0

  /// The turn of a client's next entry. `last` is the turn of its last waiting entry, nil if none
  /// waits.
  func next(after last: UInt64?) -> UInt64 { max(served, last ?? 0) + 1 }

  /// Records that an entry of this turn has been served.
  mutating func serve(_ turn: UInt64) { served = max(served, turn) }
}

/// An entry of a `TurnQueue`.
protocol TakesTurns {
  /// The number by which entries are ordered; see `Turns`.
  var turn: UInt64 { get set }
}

/// Entries in the order of their turns.
///
/// A pass serves some entries and keeps others. It goes through them from the first on, moves each
/// kept entry behind those kept before (`move`), and at last removes the range between the kept
/// entries and the rest (`remove`).
struct TurnQueue<Entry: TakesTurns> {
  private var entries: [Entry] = []
  private var turns = Turns()

  var isEmpty: Bool { entries.isEmpty }
  var count: Int { entries.count }
  var all: [Entry] { entries }
  var first: Entry? { entries.first }

  subscript(index: Int) -> Entry {
    @inline(__always) get { entries[index] }
    @inline(__always) _modify { yield &entries[index] }
  }

  /// Queues an entry behind all of its turn, and returns the turn. `last` is the turn of its
  /// client's last waiting entry, nil if none waits. O(log n + entries behind it).
  mutating func append(_ entry: Entry, after last: UInt64?) -> UInt64 {
    var entry = entry
    entry.turn = turns.next(after: last)
    var (low, high) = (0, entries.count)
    // Most entries belong at the end.
    if let last = entries.last, last.turn <= entry.turn { low = high }
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].turn <= entry.turn { low = middle + 1 } else { high = middle }
    }
    assert(low == 0 || entries[low - 1].turn <= entry.turn)
    assert(low == entries.count || entries[low].turn > entry.turn)
    entries.insert(entry, at: low)
    return entry.turn
  }

  mutating func didServe(_ turn: UInt64) { turns.serve(turn) }

  mutating func move(from index: Int, to kept: Int) {
    if kept != index { entries.swapAt(kept, index) }
  }

  mutating func remove(_ range: Range<Int>) { entries.removeSubrange(range) }

  mutating func removeAll(where isGone: (Entry) -> Bool) { entries.removeAll(where: isGone) }
}
