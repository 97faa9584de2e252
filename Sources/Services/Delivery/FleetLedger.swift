// What all shards have taken and given, as far as somebody knows.

internal import Experience
internal import Wire

/// Totals of every life of every shard, those that have ended included: what they took and gave did happen, and an error that forgot them
/// would jump.
///
/// Totals only grow, so of two the larger is taken: whatever is lost, repeated, late or comes by several ways, all who exchange theirs
/// come to know the same.
struct FleetLedger {
  private(set) var lives: [LifeTotals] = []
  private var places: [Identifier: Int] = [:]

  /// True if something was new. O(1).
  @discardableResult
  mutating func merge(_ entry: LifeTotals) -> Bool {
    guard let place = places[entry.life] else {
      if lives.count == Limits.lives { forgetOldest() }
      places[entry.life] = lives.count
      lives.append(entry)
      return true
    }
    let known = lives[place]
    guard entry.inserts > known.inserts || entry.samples > known.samples else { return false }
    lives[place].inserts = max(known.inserts, entry.inserts)
    lives[place].samples = max(known.samples, entry.samples)
    return true
  }

  /// All lives but one. As floats: nobody's lie overflows them.
  func sum(without life: Identifier) -> (inserts: Double, samples: Double) {
    lives.reduce((0.0, 0.0)) { sum, entry in
      entry.life == life ? sum : (sum.0 + Double(entry.inserts), sum.1 + Double(entry.samples))
    }
  }

  /// Of as many lives the one known for longest has most likely ended.
  private mutating func forgetOldest() {
    lives.removeFirst()
    places = Dictionary(uniqueKeysWithValues: lives.enumerated().map { ($1.life, $0) })
  }
}
