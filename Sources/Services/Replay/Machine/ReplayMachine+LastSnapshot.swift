// The last thing that a replay of `memory` storage does.

internal import Experience
public import ReplayStore

extension ReplayMachine {
  /// Begins the copy that the next incarnation takes up: of what is here, and of the writers whose messages may come again. A snapshot that
  /// somebody asked for and that is not done yet is given up. Go on with `ReplayStore.continueSnapshot`; nothing may be received
  /// any more, as it would be acknowledged and lost.
  ///
  /// - Throws: `ReplayStoreError` if the disk has no room; then nothing is left of it.
  public mutating func beginLastSnapshot(at path: String) throws(ReplayStoreError) {
    store.abandonSnapshot()
    try store.beginSnapshot(at: path, writers: writers.known, isPaced: false)
  }
}
