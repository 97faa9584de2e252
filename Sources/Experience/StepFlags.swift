// The place of a step in its episode.

/// The RLDS flags of a step: one byte on the wire and in the store.
///
/// The last observation of an episode is a step of its own, `isLast`, whose action and reward mean
/// nothing. If that step has `isTerminal`, the environment *terminated* and no reward follows.
/// Otherwise the episode was *truncated*, and the value of its last observation still counts. The
/// two are never merged into one "done".
public struct StepFlags: OptionSet, Hashable, Sendable {
  /// Bit 0 first, bit 1 last, bit 2 terminal.
  public let rawValue: UInt8
  @inlinable public init(rawValue: UInt8) { self.rawValue = rawValue }

  // Computed and inlinable, because every step reads them: constants of another module would be
  // calls.
  /// The first step of its episode.
  @inlinable public static var isFirst: StepFlags { StepFlags(rawValue: 1) }
  /// The last observation of its episode.
  @inlinable public static var isLast: StepFlags { StepFlags(rawValue: 2) }
  /// The environment terminated; only together with `isLast`.
  @inlinable public static var isTerminal: StepFlags { StepFlags(rawValue: 4) }

  /// Every bit that has a meaning; others are refused.
  @inlinable public static var known: StepFlags { [.isFirst, .isLast, .isTerminal] }
}
