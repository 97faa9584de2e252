// Logs a store's recovery.

internal import Foundations
internal import ReplayStore

/// Log lines while a store recovers what its folder holds: one a second, and one at the end.
struct RecoveryLog {
  private let log: Log
  private let startedAt: Instant
  private var nextLine: Instant

  init(_ log: Log, now: Instant) {
    self.log = log
    startedAt = now
    nextLine = now + .seconds(1)
  }

  mutating func report(_ steps: Int, of total: Int) {
    let now = SystemClock.now()
    guard now >= nextLine else { return }
    nextLine = now + .seconds(1)
    log.info("recovering: \(steps) of \(total) steps")
  }

  func finish(_ summary: RecoverySummary) {
    let seconds = (SystemClock.now() - startedAt).seconds
    log.info(
      "recovered \(summary.steps) steps, \(summary.items) items, \(summary.writers.count) writers in "
        + "\((seconds * 1000).rounded() / 1000) s")
    if summary.hasLostHeader {
      log.warning(
        "the folder's header file is empty, so the steps in its other files cannot be placed: the store begins empty"
      )
    }
    for file in summary.damagedFiles { log.warning(file) }
    if summary.stepsInDoubt > 0 {
      log.info(
        "\(summary.stepsInDoubt) steps are checked before they are served, because the previous process did not end in order"
      )
    }
    if summary.stepsDropped + summary.itemsDropped > 0 {
      log.warning(
        "dropped \(summary.stepsDropped) steps that were not whole on disk, and \(summary.itemsDropped) items that needed them or were damaged"
      )
    }
  }
}
