// Many environments stepped as one.

/// `count` environments of one kind that advance together, one **tick** at a time.
///
/// **Every tick yields exactly one row for each environment.** `reset` makes the first rows, each
/// `step` the next ones. The current row of environment i is its observation and its flags
/// (`isFirst`, `isLast`, `isTerminal`). The caller chooses its action and passes it to the next
/// `step`:
///
/// * If the row is not `isLast`, `step` takes the action. The next row is the observation after it.
///   It is `isLast` if the episode ended there, and `isTerminal` too if it *terminated*, not if it
///   was *truncated*. `rewards[i]` is the action's reward.
/// * If the row is `isLast`, `step` ignores the action (any value) and resets the environment. The
///   next row is `isFirst`, and `rewards[i]` is 0.
///
/// So `rewards[i]` after a `step` belongs to the row *before* that step, whose action earned it. A
/// caller that stores steps completes a row after the following `step`. After `reset` all rewards
/// are 0. An episode of n actions has n + 1 rows. This is Gymnasium 1.x's
/// `AutoresetMode.NEXT_STEP`.
///
/// A step has two halves, so that the caller can work between them: of two batches, worker
/// processes step one while the policy acts for the other. Native batches do all work in
/// `beginStep`.
///
/// **Buffers** are readable after `reset` and after `finishStep`, until the next `beginStep` or
/// `reset`. Their addresses may change between ticks.
///
/// **Errors.** A call that throws because of its arguments has changed nothing. After any other
/// error (for example a worker that ended), the batch is unusable until `reset`, which starts new
/// episodes everywhere. `isFirst` rows may then follow rows that are not `isLast`; the caller
/// abandons those episodes.
///
/// A batch belongs to one thread.
public protocol EnvironmentBatch: AnyObject {
  /// What all environments of the batch have in common.
  var spec: EnvironmentSpec { get }
  /// Environments in the batch, at least 1.
  var count: Int { get }

  /// Starts a new episode in every environment. Equal seeds give equal episodes. Without a seed,
  /// the generators continue.
  func reset(seed: UInt64?) throws

  /// Starts the tick with `actions [count]` of the action space, which need not outlive the call.
  ///
  /// - Throws: `EnvironmentError.invalidAction` if an action that is not ignored lies outside
  ///   `spec.actions`; `.notReset` before the first `reset`.
  func beginStep(actions: UnsafeRawPointer) throws

  /// Starts a reset; `finishStep` waits for it, as for a tick.
  func beginReset(seed: UInt64?) throws

  /// Waits at most about 20 ms for `beginStep` or `beginReset` to complete; true once `finishStep`
  /// will not wait. The caller can do other work between calls, even if a step takes long.
  func waitBriefly() throws -> Bool

  /// Waits until `beginStep` or `beginReset` is complete. Then the buffers hold the new rows.
  func finishStep() throws

  /// `[count] + spec.observationShape`, elements of `spec.observationType` in native byte order.
  var observations: UnsafeRawPointer { get }
  /// `[count]`: the reward of the action given to the last `step`.
  var rewards: UnsafePointer<Float> { get }
  /// `[count]`: the `StepFlags` of the current row.
  var flags: UnsafePointer<UInt8> { get }
}

extension EnvironmentBatch {
  /// By default, resets at once.
  public func beginReset(seed: UInt64?) throws { try reset(seed: seed) }
  /// By default, steps are complete after `beginStep`.
  public func waitBriefly() throws -> Bool { true }

  /// `reset(seed: nil)`.
  public func reset() throws { try reset(seed: nil) }

  /// A complete tick with discrete actions: `beginStep`, then `finishStep`.
  public func step(actions: UnsafePointer<Int32>) throws {
    try beginStep(actions: UnsafeRawPointer(actions))
    try finishStep()
  }
}
