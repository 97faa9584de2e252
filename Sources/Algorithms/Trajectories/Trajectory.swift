// One trajectory of a batch, with the values of its states.

internal import Experience

/// T + 1 rows of one stream. Row t is s_t, a_t, and r_t, the reward of a_t. The last observation of
/// an episode is a row without an action: it bootstraps the row before it and is not trained on.
/// The next row begins another episode.
///
/// Views of memory that its maker owns.
public struct Trajectory {
  /// T: rows that may be trained on. Row T only bootstraps.
  public let steps: Int
  /// γ of one step.
  public let discount: Float
  /// Multiplies all rewards.
  public let rewardScale: Float
  /// `[T + 1]`
  let rewards: UnsafePointer<Float>
  /// `[T + 1]`, `StepFlags`.
  public let flags: UnsafePointer<UInt8>
  /// `[T + 1]`, V(s_t).
  public let values: UnsafePointer<Float>

  public init(
    steps: Int, discount: Float, rewardScale: Float = 1, rewards: UnsafePointer<Float>,
    flags: UnsafePointer<UInt8>, values: UnsafePointer<Float>
  ) {
    self.steps = steps
    self.discount = discount
    self.rewardScale = rewardScale
    self.rewards = rewards
    self.flags = flags
    self.values = values
  }

  /// The scaled reward of a_t.
  @inline(__always)
  public func reward(_ t: Int) -> Float { rewardScale * rewards[t] }

  /// Whether row t has an action: it is not an episode's last observation.
  @inline(__always)
  public func hasAction(_ t: Int) -> Bool { !StepFlags(rawValue: flags[t]).contains(.isLast) }

  /// γ·V(s_{t+1}), or 0 if the environment terminated there.
  @inline(__always)
  public func bootstrap(after t: Int, value: Float) -> Float {
    // The observation after the end of an episode may be anything, and its value NaN.
    StepFlags(rawValue: flags[t + 1]).contains(.isTerminal) ? 0 : discount * value
  }
}
