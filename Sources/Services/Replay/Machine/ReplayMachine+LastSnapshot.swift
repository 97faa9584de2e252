// The snapshot that a replay of `memory` storage makes at its end.

internal import Experience
public import ReplayStore

extension ReplayMachine {
  /// Begins the snapshot that the next incarnation resumes: of the store, and of the writers whose
  /// messages may come again. A client's snapshot that is not done is abandoned. Continue with
  /// `ReplayStore.continueSnapshot`. Receive nothing any more: it would be acknowledged and lost.
  ///
  /// - Throws: `ReplayStoreError` if the disk has no room; then nothing of it is left.
  public mutating func beginLastSnapshot(at path: String) throws(ReplayStoreError) {
    store.abandonSnapshot()
    try store.beginSnapshot(at: path, writers: writers.known, isPaced: false)
  }
}
