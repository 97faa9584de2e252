// Snapshots and restores, in slices between messages.

internal import Experience
public import Foundations
internal import ReplayStore
internal import Wire

extension ReplayMachine {
  /// The most snapshots in the folder: a client that keeps asking for more cannot fill the disk.
  static let snapshotsMax = 64

  mutating func snapshot(_ request: SnapshotRequest, to peer: PeerID, sink: some FrameSink) {
    if let known = snapshotJobs.job(request.id) { return answer(known, peer, sink) }
    if let problem = problem(of: request) {
      return refuse(.invalid, .snapshotRequest, 0, problem, peer, sink)
    }
    let path = "\(configuration.snapshotFolder ?? "")/\(request.name)/\(configuration.shard)"
    var job = SnapshotJob(id: request.id, verb: request.verb, name: request.name, path: path, text: path)
    do throws(ReplayStoreError) {
      switch request.verb {
      case .snapshot: try store.beginSnapshot(at: path)
      case .restore: job.restore = try beginRestore(path, request.name)
      }
    } catch {
      job.fail(error.description)
    }
    snapshotJobs.append(job)
    answer(job, peer, sink)
  }

  private func problem(of request: SnapshotRequest) -> String? {
    if configuration.snapshotFolder == nil {
      return "this replay has no folder for snapshots: set ROOKERY_RUN_DIRECTORY where it is started"
    }
    if let busy = snapshotJobs.last, busy.state == .underWay {
      return "the \(busy.verb) '\(busy.name)' is under way; ask again when it is done"
    }
    if request.verb == .snapshot, store.schema == nil {
      return "this replay holds nothing yet: no writer has inserted a step"
    }
    return SnapshotJob.problem(ofName: request.name) ?? problem(ofNewSnapshot: request)
  }

  private func problem(ofNewSnapshot request: SnapshotRequest) -> String? {
    guard request.verb == .snapshot, let folder = configuration.snapshotFolder else { return nil }
    let names = DirectoryNames.of(folder)
    guard names.count >= Self.snapshotsMax, !names.contains(request.name) else { return nil }
    return
      "\(folder): expected fewer than \(Self.snapshotsMax) snapshots, found \(names.count); remove one, or use its name again"
  }

  private mutating func beginRestore(_ path: String, _ name: String) throws(ReplayStoreError) -> (
    Restore, Int
  ) {
    writers.skipHandles(below: store.nextWriter)
    let id = Identifier(using: &generator)
    let label = "snapshot \(name)"
    let handle = writers.claimHandle(of: id, label: label)
    let source = try Restore(from: path, into: store, writer: handle)
    schemaIsKnown()
    try store.openWriter(handle, id: id, label: label, committed: 0)
    return (source, handle)
  }

  private func answer(_ job: SnapshotJob, _ peer: PeerID, _ sink: some FrameSink) {
    job.status.encode(into: scratch)
    sink.send(scratch.bytes, to: peer)
  }

  /// When `advanceSnapshot` is due: now, after a pause if the disk is behind or frames came, or
  /// never.
  public var nextSnapshot: Instant { snapshotJobs.nextSlice }

  /// Copies one slice. Returns the path of a snapshot whose bytes are all copied: pass it to
  /// `ReplayStore.publishSnapshot` on another thread, then call `didPublish`.
  public mutating func advanceSnapshot(now: Instant, sink: some FrameSink) -> String? {
    guard let job = snapshotJobs.beginSlice(now: now) else { return nil }
    if let (source, writer) = job.restore {
      do throws(ReplayStoreError) {
        try source.advance(bytes: SnapshotJobs.slice)
        snapshotJobs.setProgress(source.progress, now: now)
        if source.progress.isCopied { finish(job, source, writer) }
      } catch {
        snapshotJobs.failLast(error.description)
        closeForGood(writer)
      }
      drain(now: now, sink: sink)
      return nil
    }
    guard let progress = store.continueSnapshot(bytes: SnapshotJobs.slice) else { return nil }
    snapshotJobs.setProgress(progress, now: now)
    return progress.isCopied ? job.path : nil
  }

  private mutating func finish(_ job: SnapshotJob, _ source: Restore, _ writer: Int) {
    snapshotJobs.finishRestore(problem: source.problem)
    closeForGood(writer)
    if let problem = source.problem { warnings.append("\(job.path): \(problem)") }
    notices.append("restored \(job.path)")
  }

  /// Closes the writer of a restore that has ended.
  private func closeForGood(_ writer: Int) {
    store.closeWriter(writer)
    store.forgetWriter(writer)
  }

  /// Call this when the snapshot at a path is on the disk, or with the problem that kept it from
  /// there.
  public mutating func didPublish(_ path: String, problem: String?) {
    guard snapshotJobs.didPublish(path, problem: problem) else { return }
    notices.append(problem.map { "no snapshot: \($0)" } ?? "snapshot \(path)")
  }
}
