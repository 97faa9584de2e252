// Steps an actor's environments, in halves that take turns, and restarts them after failures.

internal import Algorithms
internal import Environments
internal import Experience
internal import Foundations

/// Acts in all environments and buffers their rows until they are sent. It has no socket: its owner
/// sends the buffer once all rows are complete (`finishSteps`).
///
/// A half acts at the buffer's unfinished row only while the buffer is not full, so the other half
/// always has room for its row.
final class Acting {
  /// Called while a step takes long, to do the actor's other work; false if the actor is to stop.
  typealias Attend = () throws -> Bool

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
  /// others catch up.
  private(set) var isPartial = false
  /// When the first row of the buffer was acted on.
  private(set) var chunkStartedAt = Instant.zero
  /// An error that ends the actor, found where it could not be thrown.
  private(set) var fatal: (any Error)?
  /// When the oldest update in the adopted weights was made, in nanoseconds; 0 once it is measured.
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

  /// Adds one row of every environment. The policy acts for one half while worker processes step
  /// the other.
  func tick(now: Instant, attend: Attend) throws {
    if buffer.isFull { return }
    if buffer.rows == 0 { chunkStartedAt = now }
    do {
      for half in halves where !half.hasActed {
        guard try half.state != .stepping || collect(half, attend) else { return }
        try act(half)
      }
      advance()
      // With one half there is nothing to overlap its step with.
      if halves.count == 1 { _ = try collect(halves[0], attend) }
    } catch let failure as EnvironmentFailure {
      try recover(from: failure)
    }
    statistics.ticks += 1
  }

  /// Waits for all steps under way, so that every row is complete. Rows are also complete after a
  /// step that fails here.
  /// - Returns: False if some halves are a row ahead, or the actor is to stop.
  func finishSteps(attend: Attend) -> Bool {
    do {
      for half in halves where half.state == .stepping {
        guard try collect(half, attend) else { return false }
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
  private func collect(_ half: ActingHalf, _ attend: Attend) throws -> Bool {
    while try !half.batch.waitBriefly() {
      guard try attend() else { return false }
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
  /// A half whose step is done but not acted on also ends at the row before: its new row would put
  /// it a row ahead, possibly of a full buffer. If the row before was already sent, the new row is
  /// the last one instead.
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
