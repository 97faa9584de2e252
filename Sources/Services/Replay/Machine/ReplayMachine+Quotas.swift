// Quotas: no writer crowds the others out.

internal import Foundations
internal import ReplayStore

extension ReplayMachine {
  /// Whether a message of a writer has to wait, as it would push out steps and the writer owns its share already.
  ///
  /// The share is `writerQuota` of the capacity, or an equal part for each active writer if that is more. Active is who owns steps and
  /// has been heard lately, or waits. So one can always go on: if all active writers owned more, that would be more than there
  /// is; if all own just that, the ring is theirs alone, and whoever owns the oldest steps may replace them. Who falls silent leaves its
  /// part to the others within seconds. A writer is an incarnation of a process, not its label. O(writers) where it owns much.
  func isOverQuota(_ handle: Int, steps: Int, now: Instant) -> Bool {
    let share = configuration.store.writerQuota
    guard share < 1, store.pushesOut(steps: steps) else { return false }
    let capacity = Double(configuration.store.capacity)
    let own = Double(store.steps(ofWriter: handle))
    guard own >= share * capacity else { return false }
    let active = writers.all.count { other, writer in
      other == handle
        || store.steps(ofWriter: other) > 0
          && (writer.waiting > 0 || now < writer.lastHeard + configuration.writerActiveFor)
    }
    let allowed = max(share * capacity, capacity / Double(active))
    return own > allowed || own == allowed && store.oldestWriter != handle
  }
}
