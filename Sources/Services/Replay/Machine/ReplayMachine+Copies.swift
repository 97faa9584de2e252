// Snapshots and restores, in slices between messages.

internal import Experience
public import Foundations
internal import ReplayStore
internal import Wire

extension ReplayMachine {
  /// Bytes copied between two looks at the sockets: some 0.1 ms.
  static let copySlice = 128 << 10
  /// Between two of them while others are at work.
  static let copyPause = Instant.Span.milliseconds(1)
  /// Snapshots that the folder may hold: a client that asks for one after the other fills no disk.
  static let snapshotsMax = 64
  /// Outcomes that are remembered for whoever asks.
  static let copiesKept = 16

  mutating func copy(_ request: CopyRequest, to peer: PeerID, sink: some FrameSink) {
    if let known = copies.first(where: { $0.id == request.id }) { return answer(known, peer, sink) }
    if let problem = problem(of: request) { return refuse(.invalid, .copyRequest, 0, problem, peer, sink) }
    let path = "\(configuration.snapshotFolder ?? "")/\(request.name)/\(configuration.shard)"
    var job = CopyJob(id: request.id, verb: request.verb, name: request.name, path: path, text: path)
    do throws(ReplayStoreError) {
      switch request.verb {
      case .snapshot: try store.beginSnapshot(at: path)
      case .restore: job.restore = try beginRestore(path, request.name)
      }
    } catch {
      job.fail(error.description)
    }
    if copies.count == Self.copiesKept { copies.removeFirst() }
    copies.append(job)
    answer(job, peer, sink)
  }

  private func problem(of request: CopyRequest) -> String? {
    if configuration.snapshotFolder == nil {
      return "this replay has no folder for snapshots: set ROOKERY_RUN_DIRECTORY where it is started"
    }
    if let busy = copies.last, busy.state == .underWay {
      return "the \(busy.verb) '\(busy.name)' is under way; ask again when it is done"
    }
    if request.verb == .snapshot, store.schema == nil {
      return "this replay holds nothing yet: no actor has come, and what steps look like is not known"
    }
    return CopyJob.problem(ofName: request.name) ?? problem(ofNewSnapshot: request)
  }

  private func problem(ofNewSnapshot request: CopyRequest) -> String? {
    guard request.verb == .snapshot, let folder = configuration.snapshotFolder else { return nil }
    let names = DirectoryNames.of(folder)
    guard names.count >= Self.snapshotsMax, !names.contains(request.name) else { return nil }
    return
      "\(folder): expected fewer than \(Self.snapshotsMax) snapshots, found \(names.count); remove one, or use its name again"
  }

  private mutating func beginRestore(_ path: String, _ name: String) throws(ReplayStoreError) -> (
    Restore, Int
  ) {
    let handle = max(nextHandle, store.nextWriter)
    let source = try Restore(from: path, into: store, writer: handle)
    schemaIsKnown()
    nextHandle = handle + 1
    let id = Identifier(using: &generator)
    try store.openWriter(handle, id: id, label: "snapshot \(name)", committed: 0)
    labels[handle] = Label(id: id, text: "snapshot \(name)")
    return (source, handle)
  }

  private func answer(_ job: CopyJob, _ peer: PeerID, _ sink: some FrameSink) {
    job.status.encode(into: scratch)
    sink.send(scratch.bytes, to: peer)
  }

  /// When `advanceCopy` has something to do next: now, soon if the disk is behind or others are at work, or never. A service that
  /// copied without a pause would be one more that wants a processor, and everybody would wait for one.
  public var nextCopy: Instant {
    guard let job = copies.last, job.hasWork else { return .never }
    return job.nextSlice
  }

  /// Copies one slice. Returns the path of a snapshot that is all copied: bring it to the disk with
  /// `ReplayStore.publishSnapshot`, on another thread, and say so with `didPublish`.
  public mutating func advanceCopy(now: Instant, sink: some FrameSink) -> String? {
    let last = copies.count - 1
    guard last >= 0, now >= nextCopy else { return nil }
    copies[last].nextSlice = hasReceived ? now + Self.copyPause : now
    hasReceived = false
    if let (source, writer) = copies[last].restore {
      do throws(ReplayStoreError) {
        try source.advance(bytes: Self.copySlice)
        copies[last].progress = source.progress
        if source.progress.isCopied { finishRestore(writer, source) }
      } catch {
        copies[last].fail(error.description)
        closeForGood(writer)
      }
      drain(now: now, sink: sink)
      return nil
    }
    guard let progress = store.continueSnapshot(bytes: Self.copySlice) else { return nil }
    copies[last].progress = progress
    if progress.isWaiting { copies[last].nextSlice = now + Self.copyPause }
    return progress.isCopied ? copies[last].path : nil
  }

  private mutating func finishRestore(_ writer: Int, _ source: Restore) {
    let last = copies.count - 1
    copies[last].state = .done
    copies[last].restore = nil
    if let problem = source.problem { copies[last].text += ": \(problem)" }
    closeForGood(writer)
    if let problem = source.problem { warnings.append("\(copies[last].path): \(problem)") }
    notices.append("restored \(copies[last].path)")
  }

  /// Of a restore's writer nothing more comes, and nobody asks.
  private func closeForGood(_ writer: Int) {
    store.closeWriter(writer)
    store.forgetWriter(writer)
  }

  /// The snapshot at a path is on the disk, or could not be brought there.
  public mutating func didPublish(_ path: String, problem: String?) {
    guard let index = copies.lastIndex(where: { $0.path == path && $0.state == .underWay }) else { return }
    if let problem { copies[index].fail(problem) } else { copies[index].state = .done }
    notices.append(problem.map { "no snapshot: \($0)" } ?? "snapshot \(path)")
  }
}
