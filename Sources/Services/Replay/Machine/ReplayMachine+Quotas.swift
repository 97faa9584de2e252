// Quotas: no writer crowds out the other writers.

internal import Foundations
internal import ReplayStore

extension ReplayMachine {
  /// Whether a message of a writer has to wait: it would evict steps, and the writer owns its quota
  /// already.
  ///
  /// The quota is `writerQuota` of the capacity, or an equal part for each active writer if that is
  /// more. A writer is active if it owns steps and was heard lately or waits. Some writer can
  /// always go on: all active writers cannot own more than equal parts of the ring, and if each
  /// owns exactly its part, the one that owns the oldest steps may replace them. A silent writer
  /// leaves its part to the other writers within seconds. A writer is one incarnation of a process,
  /// not its label. O(writers) if it owns at least `writerQuota`.
  func isOverQuota(_ handle: Int, steps: Int, now: Instant) -> Bool {
    let quota = configuration.store.writerQuota
    guard quota < 1, store.pushesOut(steps: steps) else { return false }
    let capacity = Double(configuration.store.capacity)
    let own = Double(store.steps(ofWriter: handle))
    guard own >= quota * capacity else { return false }
    let active = writers.all.count { other, writer in
      other == handle
        || store.steps(ofWriter: other) > 0
          && (writer.waiting > 0 || now < writer.lastHeard + configuration.writerActiveFor)
    }
    let allowed = max(quota * capacity, capacity / Double(active))
    return own > allowed || own == allowed && store.oldestWriter != handle
  }
}
