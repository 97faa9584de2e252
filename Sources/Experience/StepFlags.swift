// Where a step stands in its episode.

/// The RLDS flags of a step, one byte on the wire and in the store.
///
/// The last observation of an episode is a step of its own: `isLast`, without an action. Whether the
/// environment *terminated* (no future reward) or was *truncated* (the value of the last observation still
/// counts) is read from `isTerminal` of that step. The two are never merged into one "done".
public struct StepFlags: OptionSet, Hashable, Sendable {
  public let rawValue: UInt8
  @inlinable public init(rawValue: UInt8) { self.rawValue = rawValue }

  // Computed and inlinable: read for each step, and constants of another module would be calls.
  @inlinable public static var isFirst: StepFlags { StepFlags(rawValue: 1) }
  @inlinable public static var isLast: StepFlags { StepFlags(rawValue: 2) }
  @inlinable public static var isTerminal: StepFlags { StepFlags(rawValue: 4) }

  /// Every bit that has a meaning; others are refused.
  @inlinable public static var known: StepFlags { [.isFirst, .isLast, .isTerminal] }
}
