// Many environments stepped as one.

/// `count` copies of an environment that advance together, one **tick** at a time.
///
/// **Every tick yields exactly one row per environment.** `reset` makes the first rows, each `step` the next ones.
/// The current row of environment i is its observation, where that stands in the episode (`flags[i]`: `isFirst`,
/// `isLast`, `isTerminal`), and nothing else: its action is chosen by the caller and given to the next `step`.
///
/// | current row of environment i | `step` with action a | next row | `rewards[i]` after it |
/// |---|---|---|---|
/// | not `isLast` | takes a | the observation after a; `isLast` if the episode ended there, with `isTerminal` if it *terminated* and without if it was *truncated* | the reward of a |
/// | `isLast` | ignores a (any value) and resets | `isFirst`, a new episode's first observation | 0 |
///
/// So `rewards[i]` after a `step` belongs to the row *before* that step, the row whose action earned it: a caller that
/// stores steps writes a row once the following `step` has told its reward (0 for an `isLast` row, which has no action).
/// After `reset` all rewards are 0. An episode of n actions yields n + 1 rows. This is Gymnasium 1.x's
/// `AutoresetMode.NEXT_STEP`.
///
/// A step is split in two so that work can go on elsewhere meanwhile: with two batches, one is simulated in worker
/// processes while the policy answers for the other. Native batches do all the work in `beginStep`.
///
/// **Buffers** are readable after `reset` and after `finishStep`, until the next `beginStep` or `reset`. Their
/// addresses may change between ticks; ask again each tick.
///
/// **Errors.** A call that throws for its arguments has changed nothing. A call that throws for any other reason
/// (a worker died) leaves the batch unusable until `reset`, which starts new episodes everywhere: `isFirst` rows then
/// follow rows that were not `isLast`, and the caller abandons those episodes.
///
/// A batch belongs to one thread.
public protocol EnvironmentBatch: AnyObject {
  var spec: EnvironmentSpec { get }
  /// Environments in the batch, at least 1.
  var count: Int { get }

  /// Starts a new episode in every environment. With a seed, the same episodes as any other batch of this
  /// environment with that seed; without, the generators go on from where they are.
  func reset(seed: UInt64?) throws

  /// Takes `actions [count]` of the action space, which need not outlive the call, and starts the tick.
  ///
  /// - Throws: `EnvironmentError.invalidAction` if an action that is not ignored lies outside `spec.actions`;
  ///   `.notReset` before the first `reset`.
  func beginStep(actions: UnsafeRawPointer) throws

  /// Starts what `reset` does; `finishStep` waits for it, as for a tick.
  func beginReset(seed: UInt64?) throws

  /// Waits a little (at most some 20 ms) for what `beginStep` or `beginReset` started; true once `finishStep` will not wait. So
  /// whoever has other things to look after can, even if a step takes long.
  func waitBriefly() throws -> Bool

  /// Waits for the tick that `beginStep` started. Then the buffers hold the new rows.
  func finishStep() throws

  /// `[count, observation]`, rows one after the other, elements of `spec.observationType` in native byte order.
  var observations: UnsafeRawPointer { get }
  /// `[count]`: the reward of the action given to the last `step`.
  var rewards: UnsafePointer<Float> { get }
  /// `[count]`: the `StepFlags` of the current row.
  var flags: UnsafePointer<UInt8> { get }
}

extension EnvironmentBatch {
  public func beginReset(seed: UInt64?) throws { try reset(seed: seed) }
  public func waitBriefly() throws -> Bool { true }

  /// `reset(seed: nil)`.
  public func reset() throws { try reset(seed: nil) }

  /// One whole tick with discrete actions: `beginStep` and `finishStep`.
  public func step(actions: UnsafePointer<Int32>) throws {
    try beginStep(actions: UnsafeRawPointer(actions))
    try finishStep()
  }
}
