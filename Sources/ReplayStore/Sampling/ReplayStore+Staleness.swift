// Items that are too old to be served.

internal import Experience

extension ReplayStore {
  /// Removes the items of a table that its bound on staleness does not allow for weights of a
  /// version; returns how many, by their writers' handles. Without a bound that removes, nothing
  /// happens. O(items).
  public func removeOutdated(table: Int, at version: UInt64) -> [Int: Int] {
    guard let ring, tables.indices.contains(table), let bound = tables[table].configuration.staleness
    else { return [:] }
    switch bound.keeping {
    case .pace, .drop: return tables[table].removeOutdated(bound, at: version, ring)
    case .correct: return [:]
    }
  }

  /// Items of a table by their staleness for weights of a version, from 0 to the bound; older ones
  /// count as the oldest. Empty without a bound. O(items).
  public func ages(ofTable table: Int, at version: UInt64) -> [Int] {
    guard let bound = configuration.tables[table].staleness else { return [] }
    let oldest = Int(clamping: bound.max)
    var ages = [Int](repeating: 0, count: oldest + 1)
    guard let ring, tables.indices.contains(table) else { return ages }
    let items = tables[table]
    items.slots.forEach { slot in
      let made = items.weightsVersion(ofItemAt: slot, ring)
      ages[min(oldest, Int(clamping: version - min(version, made)))] += 1
    }
    return ages
  }

  /// Items of a table; 0 before there is a schema.
  public func size(ofTable table: Int) -> Int { tables.indices.contains(table) ? tables[table].size : 0 }
}
