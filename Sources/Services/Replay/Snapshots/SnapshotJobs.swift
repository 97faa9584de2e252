// Snapshots and restores of a service.

internal import Experience
internal import Foundations
internal import ReplayStore
internal import Wire

/// The snapshots and restores that were asked for. The last one may be under way, in slices; of
/// earlier ones the outcomes are kept for clients that ask again.
struct SnapshotJobs {
  /// Bytes copied between two polls of the sockets: about 0.1 ms.
  static let slice = 128 << 10
  /// Pause between two slices while frames come or the disk is behind. Without pauses, copying
  /// would compete with inserts and samples for the CPU.
  static let pause = Instant.Span.milliseconds(1)
  /// Outcomes that are remembered.
  static let countMax = 16

  private var jobs: [SnapshotJob] = []
  /// A frame has come since the last slice.
  private var isBusy = false

  var count: Int { jobs.count }
  var last: SnapshotJob? { jobs.last }
  func job(_ id: Identifier) -> SnapshotJob? { jobs.first { $0.id == id } }

  mutating func append(_ job: SnapshotJob) {
    if jobs.count == Self.countMax { jobs.removeFirst() }
    jobs.append(job)
  }

  /// Records that a frame has come.
  mutating func recordFrame() { isBusy = true }

  /// When the next slice is due; never while there is nothing to copy.
  var nextSlice: Instant {
    guard let job = jobs.last, job.hasWork else { return .never }
    return job.nextSlice
  }

  /// The last job, if its next slice is due; the one after it is scheduled.
  mutating func beginSlice(now: Instant) -> SnapshotJob? {
    guard now >= nextSlice else { return nil }
    jobs[jobs.count - 1].nextSlice = isBusy ? now + Self.pause : now
    isBusy = false
    return jobs.last
  }

  /// Records how far the last job has come.
  mutating func setProgress(_ progress: SnapshotProgress, now: Instant) {
    jobs[jobs.count - 1].progress = progress
    if progress.isWaiting { jobs[jobs.count - 1].nextSlice = now + Self.pause }
  }

  mutating func failLast(_ problem: String) { jobs[jobs.count - 1].fail(problem) }

  /// Marks the last job, a restore, as done.
  /// - Parameter problem: what was left out; nil if nothing was.
  mutating func finishRestore(problem: String?) {
    jobs[jobs.count - 1].state = .done
    jobs[jobs.count - 1].restore = nil
    if let problem { jobs[jobs.count - 1].text += ": \(problem)" }
  }

  /// Records that the snapshot at a path is on the disk, or why not; false if none there was under
  /// way.
  mutating func didPublish(_ path: String, problem: String?) -> Bool {
    guard let index = jobs.lastIndex(where: { $0.path == path && $0.state == .underWay }) else {
      return false
    }
    if let problem { jobs[index].fail(problem) } else { jobs[index].state = .done }
    return true
  }
}
