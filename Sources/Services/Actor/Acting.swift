// Stepping environments, in halves that take turns, and beginning anew when they fail.

internal import Algorithms
internal import Environments
internal import Experience
internal import Foundations

/// The rows of an actor's environments, as they are made and until they are sent. It has no socket: whoever owns it sends what
/// the buffer holds, once all rows are whole (`settle`).
///
/// A half may act at the buffer's unfinished row only while the buffer is not full, so there is always room for the other half's.
final class Acting {
  /// Looks after everything else while a step takes long; false if the actor is to stop.
  typealias Attend = () throws -> Bool

  let halves: [ActingHalf]
  let policy: any Policy
  let buffer: StepBuffer
  var items: ActorItems
  var statistics = ActorStatistics()
  private(set) var recovery = EnvironmentRecovery()
  /// All environments have a row to act on.
  private(set) var isReady = false
  /// Episodes have been asked for and are not all there yet.
  private(set) var isBeginning = false
  /// When episodes are to begin.
  private(set) var restartAt = Instant.zero
  /// Some halves are a row ahead of the others: until they have caught up, nothing is sent and no weights are adopted.
  private(set) var isPartial = false
  /// When the first row of the buffer was acted on.
  private(set) var chunkStartedAt = Instant.zero
  /// What ends the actor, found where it could not be thrown.
  private(set) var fatal: (any Error)?
  /// The oldest update that the adopted weights added, until they are acted with; 0 is none.
  var unmeasuredUpdate: Int64 = 0
  private var generator: SeededGenerator
  private let clock: () -> Instant
  private let warn: (String) -> Void

  /// - Parameters:
  ///   - batches: one, or two that take turns.
  ///   - epsilons: of each environment.
  ///   - frameStack: observations that the policy sees at once; the buffer gets each by itself.
  ///   - clock: asked after failures, and once for each adopted weights.
  ///   - warn: told of each failure that is not the last.
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

  /// One row of every environment. While one half's step is simulated elsewhere, the policy acts for the other.
  func tick(now: Instant, attend: Attend) throws {
    if buffer.isFull { return }
    if buffer.rows == 0 { chunkStartedAt = now }
    do {
      for half in halves where !half.hasActed {
        guard try half.state != .stepping || collect(half, attend) else { return }
        try act(half)
      }
      advance()
      // Nothing to do meanwhile.
      if halves.count == 1 { _ = try collect(halves[0], attend) }
    } catch let failure as EnvironmentFailure {
      try recover(from: failure)
    }
    statistics.ticks += 1
  }

  /// Collects all steps under way, so that every row is whole. False if one is not: some halves are a row ahead, or the actor ends.
  /// A step that fails here leaves whole rows as well.
  func settle(attend: Attend) -> Bool {
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

  /// Makes whole rows of what is there, for the last message: the steps under way are given up.
  func abandonSteps() {
    for half in halves where half.state == .stepping { truncate(half) }
    items.drop(from: buffer.nextIndex)
  }

  private func act(_ half: ActingHalf) throws {
    append(half)
    half.state = .stepping
    try half.batch.beginStep(actions: half.rows.actions)
  }

  /// Puts a half's row into the buffer.
  private func append(_ half: ActingHalf) {
    policy.act(
      observations: half.observe(), count: half.batch.count, exploration: half.epsilons,
      generator: &generator, rows: half.rows)
    noteAction()
    let flags = half.batch.flags
    items.observe(index: buffer.nextIndex, range: half.range, flags: flags, half.rows)
    buffer.append(range: half.range, observations: half.batch.observations, half.rows, flags: flags)
    statistics.count(half.range, flags)
    half.hasActed = true
  }

  /// The first action with new weights tells how long they took.
  private func noteAction() {
    guard unmeasuredUpdate > 0 else { return }
    statistics.updateToAction.record(clock() - Instant(nanoseconds: unmeasuredUpdate))
    unmeasuredUpdate = 0
  }

  /// Takes what the last row's actions earned. False if it is not there and the actor is to stop.
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

  /// Ends all episodes where they were last seen and has new ones begin after a while. What the failed step would have told nobody
  /// knows: the row before it becomes its episode's last one, truncated, so that nothing spans the gap and nothing is invented.
  ///
  /// A half whose step is done but not acted on ends at the row before as well: what that step told is given up, for with it the half
  /// would be a row ahead, perhaps of a full buffer. If the row before is sent already, the row that is there must be the last one.
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
    // Halves that are a row behind act alone next time.
    if acted == halves.count { advance() } else { isPartial = acted > 0 }
    isReady = false
    let now = clock()
    restartAt = try recovery.retry(after: failure, now: now)
    warn("\(failure)\nnew episodes begin in \((restartAt - now).seconds) s")
  }

  /// Makes a half's newest row in the buffer the last one of its episodes, if it is not.
  private func truncate(_ half: ActingHalf) {
    let index = half.hasActed ? buffer.nextIndex : buffer.nextIndex - 1
    for environment in half.range where !buffer.flags(environment, at: index).contains(.isLast) {
      let row = environment - half.range.lowerBound
      items.truncate(environment, index: index, stateValue: half.rows.stateValues[row])
      buffer.markLast(environment, at: index)
      statistics.abandon(environment)
    }
  }

  /// Begins episodes, if it is time and they are not there. Waits a little at most.
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
