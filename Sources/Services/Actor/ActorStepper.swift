// Steps an actor's environments, in halves that take turns, and restarts them after failures.

internal import Algorithms
internal import Environments
internal import Experience
internal import Foundations

/// Acts in all environments and buffers their rows until they are sent. It has no socket: its owner
/// sends the buffer once all rows are complete (`finishSteps`).
///
/// Both halves write their parts of the same row. A half begins a row only if the buffer has room
/// for it, so the other half's part of that row fits too.
final class ActorStepper {
  /// Does the actor's other work while a step takes long. Returns false if the actor is to stop.
  typealias OtherWork = () throws -> Bool

  let halves: [ActingHalf]
  let policy: any Policy
  let buffer: StepBuffer
  var items: ActorItems
  var statistics = ActorStatistics()
  private(set) var recovery = EnvironmentRecovery()
  /// Whether all environments have a row to act on.
  private(set) var isReady = false
  /// Whether new episodes were requested and have not all begun.
  private(set) var isBeginning = false
  /// When to request new episodes.
  private(set) var restartAt = Instant.zero
  /// Whether some halves are a row ahead. Nothing is sent and no weights are adopted until the
  /// other halves catch up.
  private(set) var isPartial = false
  /// When the first row of the buffer was acted on.
  private(set) var chunkStartedAt = Instant.zero
  /// An error that ends the actor, found where it could not be thrown.
  private(set) var fatal: (any Error)?
  /// When the oldest update in the adopted weights was made, in nanoseconds. 0 once the time from
  /// that update to the first action with these weights is recorded.
  var unmeasuredUpdate: Int64 = 0
  private var generator: SeededGenerator
  private let clock: () -> Instant
  private let warn: (String) -> Void

  /// - Parameters:
  ///   - batches: one, or two that take turns.
  ///   - epsilons: ε of each environment.
  ///   - frameStack: observations in one policy input; the buffer stores single observations.
  ///   - clock: read after each failure and once for each adopted version.
  ///   - warn: called with each failure that is retried.
  init(
    _ batches: [any EnvironmentBatch], policy: any Policy, recording recorded: [Field] = [],
    buffer: StepBuffer, items: ActorItems,
    epsilons: [Float], frameStack: Int = 1, generator: SeededGenerator, clock: @escaping () -> Instant,
    warn: @escaping (String) -> Void
  ) {
    var first = 0
    halves = batches.map { batch in
      defer { first += batch.count }
      return ActingHalf(batch, first: first, epsilons: epsilons, frameStack: frameStack, recording: recorded)
    }
    self.policy = policy
    self.buffer = buffer
    self.items = items
    self.generator = generator
    self.clock = clock
    self.warn = warn
    statistics.prepare(environments: buffer.count)
  }

  /// Replaces ε of each environment; the next actions follow it.
  func explore(_ epsilons: [Float]) {
    for half in halves { half.explore(epsilons) }
  }

  /// Adds one row of every environment. The policy acts for one half while worker processes step
  /// the other.
  func tick(now: Instant, doOtherWork: OtherWork) throws {
    if buffer.isFull { return }
    if buffer.rows == 0 { chunkStartedAt = now }
    do {
      for half in halves where !half.hasActed {
        guard try half.state != .stepping || collect(half, doOtherWork) else { return }
        try act(half)
      }
      advance()
      // With one half there is nothing to overlap its step with.
      if halves.count == 1 { _ = try collect(halves[0], doOtherWork) }
    } catch let failure as EnvironmentFailure {
      try recover(from: failure)
    }
    statistics.ticks += 1
  }

  /// Waits for all steps under way, so that every row is complete. If a step fails here, the
  /// episodes are truncated at complete rows, so all rows are complete then too.
  /// - Returns: False if some halves are a row ahead, or the actor is to stop.
  func finishSteps(doOtherWork: OtherWork) -> Bool {
    do {
      for half in halves where half.state == .stepping {
        guard try collect(half, doOtherWork) else { return false }
      }
    } catch let failure as EnvironmentFailure {
      do { try recover(from: failure) } catch { fatal = error }
    } catch {
      fatal = error
    }
    return fatal == nil && !isPartial
  }

  /// Abandons the steps under way and truncates their episodes, so that the last message has
  /// complete rows only.
  func abandonSteps() {
    for half in halves where half.state == .stepping { truncate(half) }
    items.drop(from: buffer.nextIndex)
  }

  private func act(_ half: ActingHalf) throws {
    append(half)
    half.state = .stepping
    try half.batch.beginStep(actions: half.rows.actions)
  }

  /// Chooses the actions of a half's current row and appends the row to the buffer.
  private func append(_ half: ActingHalf) {
    policy.act(
      observations: half.observe(), count: half.batch.count, exploration: half.epsilons,
      generator: &generator, rows: half.rows)
    recordUpdateToAction()
    let flags = half.batch.flags
    items.observe(index: buffer.nextIndex, range: half.range, flags: flags, half.rows)
    buffer.append(range: half.range, observations: half.batch.observations, half.rows, flags: flags)
    statistics.count(half.range, flags)
    half.hasActed = true
  }

  /// Records how long the first action with new weights came after their oldest update.
  private func recordUpdateToAction() {
    guard unmeasuredUpdate > 0 else { return }
    statistics.updateToAction.record(clock() - Instant(nanoseconds: unmeasuredUpdate))
    unmeasuredUpdate = 0
  }

  /// Waits for a half's step and stores its rewards; false if the actor is to stop before that.
  private func collect(_ half: ActingHalf, _ doOtherWork: OtherWork) throws -> Bool {
    while try !half.batch.waitBriefly() {
      guard try doOtherWork() else { return false }
    }
    try half.batch.finishStep()
    half.state = .current
    buffer.setRewards(range: half.range, half.batch.rewards)
    items.setRewards(index: buffer.nextIndex - 1, range: half.range, half.batch.rewards)
    statistics.add(half.range, half.batch.rewards)
    return true
  }

  private func advance() {
    buffer.advance()
    isPartial = false
    for half in halves { half.hasActed = false }
  }

  /// Ends all episodes at their last complete row and schedules new ones. The failed step's outcome
  /// is unknown, so the row before it becomes its episode's last one, truncated: no item spans the
  /// gap, and no step is invented.
  ///
  /// The last row of a half's episodes, where n is the newest row that all halves have acted on:
  /// * A step is under way: the row of that step's action, n or n + 1.
  /// * Row n + 1 waits for its action: n, because appending row n + 1 would put the half a row
  ///   ahead, possibly of a full buffer. But if row n has already been sent, it is n + 1.
  /// * Otherwise an earlier failure has already ended the half's episodes.
  private func recover(from failure: EnvironmentFailure) throws {
    for half in halves {
      if half.state == .current, !half.hasActed, buffer.rows == 0 {
        append(half)
        truncate(half)
      } else if half.state == .stepping || (half.state == .current && !half.hasActed) {
        truncate(half)
      }
      half.state = .none
    }
    let acted = halves.filter(\.hasActed).count
    // In the next tick, only the halves that are a row behind act.
    if acted == halves.count { advance() } else { isPartial = acted > 0 }
    isReady = false
    let now = clock()
    restartAt = try recovery.retry(after: failure, now: now)
    warn("\(failure)\nnew episodes begin in \((restartAt - now).seconds) s")
  }

  /// Makes a half's newest row in the buffer the last one of its episodes.
  private func truncate(_ half: ActingHalf) {
    let index = half.hasActed ? buffer.nextIndex : buffer.nextIndex - 1
    for environment in half.range where !buffer.flags(environment, at: index).contains(.isLast) {
      let row = environment - half.range.lowerBound
      items.truncate(environment, index: index, stateValue: half.rows.stateValues[row])
      buffer.markLast(environment, at: index)
      statistics.abandon(environment)
    }
  }

  /// Requests new episodes when they are due, and collects their first rows. Waits at most as long
  /// as `EnvironmentBatch.waitBriefly`.
  func beginEpisodes(now: Instant) throws {
    guard !isReady else { return }
    do {
      if now >= restartAt {
        restartAt = .never
        for half in halves { try half.batch.beginReset(seed: nil) }
        isBeginning = true
      }
      guard isBeginning else { return }
      for half in halves where half.state == .none {
        guard try half.batch.waitBriefly() else { return }
        try half.batch.finishStep()
        half.state = .current
      }
      isBeginning = false
      isReady = true
    } catch let failure as EnvironmentFailure {
      isBeginning = false
      for half in halves { half.state = .none }
      try recover(from: failure)
    }
  }
}
