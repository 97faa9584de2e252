// Who is served next.

/// Numbers what waits so that all clients are served in turn, however much one of them has waiting:
/// the n-th entry of a client has a turn n after the one served last (start-time fair queueing;
/// Goyal, Vin & Cheng 1996, each entry of weight 1).
struct Turns {
  private var served: UInt64 = 0

  /// The turn of a client's next entry. `last` is that of its last one that waits; nil if none
  /// does.
  func next(after last: UInt64?) -> UInt64 { max(served, last ?? 0) + 1 }

  /// An entry of this turn has been served.
  mutating func serve(_ turn: UInt64) { served = max(served, turn) }
}

/// An entry that waits for its turn.
protocol TakesTurns {
  var turn: UInt64 { get }
}

extension Array where Element: TakesTurns {
  /// Puts an entry behind all of its turn and before all of later ones. The array is in order of
  /// turns. O(log n + what is behind).
  mutating func insertInTurn(_ entry: Element) {
    var (low, high) = (0, count)
    // Most come last.
    if let last, last.turn <= entry.turn { low = count }
    while low < high {
      let middle = (low + high) / 2
      if self[middle].turn <= entry.turn { low = middle + 1 } else { high = middle }
    }
    insert(entry, at: low)
  }
}
