// How old the experience may be that learners train on.

/// A bound on staleness: the updates of the shared weights between the weights that a batch is
/// trained on and those that acted in it. Only a table whose items are trained on once has one.
public struct StalenessBound: Hashable, Sendable {
  /// What keeps the bound.
  public enum Keeping: String, CaseIterable, Sendable {
    /// Actors ask before they act, so that nothing gets older.
    case pace
    /// What is older when it would be served is removed, and counted.
    case drop
    /// Nothing: what is older is trained on and counted, and the algorithm corrects for it.
    case correct
  }

  /// η, the largest staleness.
  public var max: UInt64
  /// What keeps it.
  public var keeping: Keeping

  public init(max: UInt64, keeping: Keeping = .pace) {
    self.max = max
    self.keeping = keeping
  }

  /// Steps at the start of each item that are not trained on. A paced actor chooses an item's first
  /// action with the weights of the item before: that step is the last one of its grant.
  public var contextSteps: Int {
    switch keeping {
    case .pace: 1
    case .drop, .correct: 0
    }
  }

  /// Whether an item is not trained on because it is too old for weights of a version.
  public func leavesOut(_ item: UInt64, at version: UInt64) -> Bool {
    switch keeping {
    case .pace, .drop: isExceeded(by: item, at: version)
    case .correct: false
    }
  }

  /// Whether an item is too old for weights of a version.
  public func isExceeded(by item: UInt64, at version: UInt64) -> Bool {
    version > item && version - item > max
  }
}
