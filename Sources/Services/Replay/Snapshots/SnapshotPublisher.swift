// Brings snapshots to the disk on another thread.

internal import Foundations
internal import ReplayStore
internal import Synchronization

/// Waits for the disk on a thread of its own, and hands the outcomes to the service's thread.
final class SnapshotPublisher {
  /// What thread and service share.
  private final class Outcomes: Sendable {
    let problems = Mutex<[UInt64: String]>([:])
  }

  private let worker: BackgroundWorker
  private let outcomes = Outcomes()
  private var paths: [UInt64: String] = [:]
  private var nextTicket: UInt64 = 0

  init() throws(SystemCallError) {
    worker = try BackgroundWorker(isLowPriority: true)
  }

  /// Readable when one is done.
  var descriptor: Int32 { worker.descriptor }

  func publish(_ path: String) {
    let ticket = nextTicket
    nextTicket += 1
    paths[ticket] = path
    worker.submit(ticket) { [outcomes] in
      let problem = ReplayStore.publishSnapshot(at: path)
      outcomes.problems.withLock { $0[ticket] = problem }
    }
  }

  /// The publications that ended since the last call: path, and the problem if one failed.
  func finished() -> [(path: String, problem: String?)] {
    worker.finished().compactMap { ticket in
      let problem = outcomes.problems.withLock { $0.removeValue(forKey: ticket) }
      return paths.removeValue(forKey: ticket).map { ($0, problem) }
    }
  }
}
