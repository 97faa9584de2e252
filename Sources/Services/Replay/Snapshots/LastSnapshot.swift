// The snapshot that a replay of `memory` storage makes at its end for its next start.

internal import Configuration
internal import Experience
internal import Foundations
internal import Glibc
internal import ReplayStore

/// The folder `snapshot` beside a shard's lock. It exists from an orderly end until the next start
/// has read it. So it is never older than the steps that the last process held at its end.
struct LastSnapshot {
  let path: String
  private let log: Log

  /// Bytes copied between two looks at the clock.
  private static let slice = 1 << 20

  /// - Parameter folder: a shard's folder, which this process holds.
  init(in folder: String, log: Log) {
    path = Self.path(in: folder)
    self.log = log
  }

  /// The path of a shard's snapshot.
  static func path(in folder: String) -> String { "\(folder)/snapshot" }

  static func exists(at path: String) -> Bool { access(path, F_OK) == 0 }

  /// The path of the snapshot; nil if there is none that is whole. Removes an unfinished snapshot.
  ///
  /// - Throws: `ReplayStoreError` with the difference and what to do if it is another store's or
  ///   cannot be read.
  func found(for configuration: ReplayStoreConfiguration) throws(ReplayStoreError) -> String? {
    if ReplayStore.removeUnfinishedSnapshot(at: path) {
      log.warning(
        "the snapshot at the last end was not finished before the process was killed, and is left out")
    }
    guard Self.exists(at: path) else {
      log.info("begins empty")
      return nil
    }
    let schema = try ReplayStore.schema(ofSnapshot: path)
    if let problem = try Self.problem(at: path, configuration, schema) { throw .storage(problem) }
    return path
  }

  /// Why a store cannot begin with the snapshot at a path, and what to do; nil if it can.
  static func problem(
    at path: String, _ configuration: ReplayStoreConfiguration, _ schema: StepSchema
  ) throws(ReplayStoreError) -> String? {
    try ReplayStore.difference(ofSnapshot: path, from: configuration, schema: schema).map {
      "\(path), which the replay left at its end, is of another replay: \($0); set it as it was, or remove that folder to "
        + "begin empty"
    }
  }

  /// Removes the snapshot once it has been read: from now on it is out of date.
  func forget() {
    guard Self.exists(at: path) else { return }
    if let problem = ReplayStore.removeSnapshot(at: path) {
      log.warning("\(problem): the snapshot that was read stays, and there will be none at the end")
    }
  }

  /// Writes the snapshot if it has at most `bytesMax` bytes and is done by `deadline`. Otherwise
  /// none is left.
  func make(of machine: inout ReplayMachine, bytesMax: Int, deadline: Instant) {
    let bytes = machine.store.snapshotByteCount
    guard machine.store.statistics.steps > 0, bytesMax > 0 else { return }
    guard bytes <= bytesMax else {
      return leaveOut(
        "it would take \(ByteCount(bytes)), and replay.snapshot_at_end_mb allows \(ByteCount(bytesMax)); raise that, "
          + "or use replay.storage: file")
    }
    let start = SystemClock.now()
    do throws(ReplayStoreError) {
      try machine.beginLastSnapshot(at: path)
    } catch {
      return leaveOut(error.description)
    }
    while let progress = machine.store.continueSnapshot(bytes: Self.slice), !progress.isCopied {
      guard SystemClock.now() >= deadline else { continue }
      machine.store.abandonSnapshot()
      return leaveOut(
        "\(ByteCount(progress.bytesCopied)) of \(ByteCount(progress.bytesTotal)) were copied when time was up; raise "
          + "stop_grace_period of this service")
    }
    if let problem = ReplayStore.publishSnapshot(at: path, syncsToDisk: false) {
      ReplayStore.removeUnfinishedSnapshot(at: path)
      return leaveOut(problem)
    }
    let seconds = ((SystemClock.now() - start).seconds * 1000).rounded() / 1000
    log.info(
      "left \(machine.store.statistics.steps) steps (\(ByteCount(bytes)), \(seconds) s) for the next start in \(path)"
    )
  }

  private func leaveOut(_ reason: String) {
    log.warning("no snapshot at the end: \(reason). The next start begins empty")
  }
}
