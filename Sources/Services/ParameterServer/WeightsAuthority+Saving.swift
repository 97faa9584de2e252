// When the state is saved.

internal import Foundations

extension WeightsAuthority {
  /// Versions that may be published without a save in between. They are reserved: a restarted
  /// server goes on behind them.
  private var unsavedMax: UInt64 { merger.isSavedEachVersion ? 0 : 10_000 }

  /// What a save writes: the weights, the milestone and the merger's vectors.
  private var savedBytes: Int {
    state.values.count * 4 * (1 + (state.milestone == nil ? 0 : 1) + state.vectors.count)
  }

  /// Saves the version that is about to be published, if it has to be, or if the last save was long
  /// ago for the state's size.
  mutating func saveIfDue(now: Instant) {
    let every = Instant.Span.seconds(Double(savedBytes) / configuration.savedBytesPerSecond)
    guard state.version > savedThrough || now >= savedAt + every else { return }
    save(reserving: unsavedMax, now: now)
  }

  /// Saves what is not saved yet, at an orderly end.
  mutating func saveAtEnd(now: Instant) {
    if isUnsaved { save(reserving: 0, now: now) }
  }

  /// Goes on behind the versions that an earlier incarnation may have published after its last
  /// save, with the weights of that save.
  mutating func skipReserved(now: Instant) {
    guard state.reserved > 0 else { return savedThrough = state.version }
    state.version += state.reserved + 1
    save(reserving: unsavedMax, now: now)
  }

  private mutating func save(reserving versions: UInt64, now: Instant) {
    savedAt = now
    state.reserved = versions
    do {
      try store.save(state)
      isUnsaved = false
      savedThrough = state.version + versions
      saveProblem = nil
    } catch {
      saveProblem = "\(error)"
      counters.saveFailures += 1
    }
  }
}
