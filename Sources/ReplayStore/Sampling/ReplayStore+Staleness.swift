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

  /// Items of a table; 0 before there is a schema.
  public func size(ofTable table: Int) -> Int { tables.indices.contains(table) ? tables[table].size : 0 }
}
