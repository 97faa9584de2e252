// Stepping environments, in halves that take turns, and beginning anew when they fail.

internal import Algorithms
internal import Environments
internal import Experience
internal import Foundations

extension ActorService {
  /// One row of every environment. While one half's step is simulated elsewhere, the policy acts for the other.
  func tick(now: Instant) throws {
    if buffer.isFull, !isPartial { return }
    if buffer.rows == 0 { chunkStartedAt = now }
    do {
      for half in halves where !half.hasActed {
        guard try half.state != .stepping || collect(half) else { return }
        try act(half)
      }
      advance()
      // Nothing to do meanwhile.
      if halves.count == 1 { _ = try collect(halves[0]) }
    } catch let failure as GymnasiumFailure {
      try recover(from: failure)
    }
    statistics.ticks += 1
  }

  /// Collects all steps under way, so that every row is whole. False if one is not: it failed, or the actor is to stop.
  func settle() -> Bool {
    do {
      for half in halves where half.state == .stepping {
        guard try collect(half) else { return false }
      }
    } catch let failure as GymnasiumFailure {
      do { try recover(from: failure) } catch { fatal = error }
    } catch {
      fatal = error
    }
    return fatal == nil && !isPartial
  }

  private func act(_ half: ActingHalf) throws {
    append(half, isEnd: false)
    half.state = .stepping
    try half.batch.beginStep(actions: half.actions)
  }

  /// Puts a half's row into the buffer; at an end that the environment does not know of, as its episodes' last ones.
  private func append(_ half: ActingHalf, isEnd: Bool) {
    policy.act(
      observations: half.batch.observations, count: half.batch.count, epsilons: half.epsilons,
      generator: &generator, actions: &half.actions, qSelected: &half.qSelected, qMax: &half.qMax)
    noteAction()
    let flags = half.batch.flags
    items.observe(
      index: buffer.nextIndex, range: half.range, flags: flags, qSelected: half.qSelected, qMax: half.qMax)
    buffer.append(
      range: half.range, observations: half.batch.observations, actions: half.actions, flags: flags)
    statistics.count(half.range, flags)
    half.hasActed = true
    if isEnd { truncate(half) }
  }

  /// Takes what the last row's actions earned. False if it is not there and the actor is to stop.
  private func collect(_ half: ActingHalf) throws -> Bool {
    while try !half.batch.waitBriefly() {
      try attend()
      if isStopping { return false }
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
  private func recover(from failure: GymnasiumFailure) throws {
    for half in halves {
      if half.state == .stepping {
        truncate(half)
      } else if half.state == .current, !half.hasActed {
        append(half, isEnd: true)
      }
      half.state = .none
    }
    let acted = halves.filter(\.hasActed).count
    // Halves that are a row behind act alone next time.
    if acted == halves.count { advance() } else { isPartial = acted > 0 }
    isReady = false
    let now = SystemClock.now()
    restartAt = try recovery.retry(after: failure, now: now)
    log.warning("\(failure)\nnew episodes begin in \((restartAt - now).seconds) s")
  }

  /// Makes the row in the buffer whose step is under way the last one of its episodes.
  func truncate(_ half: ActingHalf) {
    let index = half.hasActed ? buffer.nextIndex : buffer.nextIndex - 1
    for environment in half.range where !buffer.flags(environment, at: index).contains(.isLast) {
      items.truncate(environment, index: index, qMax: half.qMax[environment - half.range.lowerBound])
      buffer.markLast(environment, at: index)
      statistics.abandon(environment)
    }
  }

  /// Begins episodes, if it is time; true once they have begun. Waits a little at most.
  func beginEpisodes(now: Instant) throws -> Bool {
    do {
      if now >= restartAt {
        restartAt = .never
        for half in halves { try half.batch.beginReset(seed: nil) }
        isBeginning = true
      }
      guard isBeginning else { return false }
      for half in halves where half.state == .none {
        guard try half.batch.waitBriefly() else { return false }
        try half.batch.finishStep()
        half.state = .current
      }
      isBeginning = false
      return true
    } catch let failure as GymnasiumFailure {
      isBeginning = false
      for half in halves { half.state = .none }
      try recover(from: failure)
      return false
    }
  }
}
