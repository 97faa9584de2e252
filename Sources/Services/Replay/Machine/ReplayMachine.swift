// The replay service, without sockets or clock.

public import Experience
public import Foundations
public import ReplayStore
internal import Wire

/// Receives experience from writers and serves batches to samplers.
///
/// * **Insert.** Only the message after a writer's last committed one is accepted. A lower one is
///   acknowledged again, a higher one answered with a gap. A message that the rate limiter blocks
///   waits here. Writers are served round robin, and at most `credit` messages and `creditBytes` of
///   each wait, so memory is bounded.
/// * **Sample.** Requests that the limiter blocks wait too. Samplers are served round robin, at
///   most `credit` requests of each wait. A request also waits while too much is under way to its
///   sampler. It is dropped before anything is drawn for it if the sampler's connection is closed.
/// * A frame that cannot be decoded or accepted is answered with a refusal and counted; nothing of
///   it is kept.
public struct ReplayMachine {
  /// What the machine was started with; limits may have changed since.
  public let configuration: Configuration
  /// The random id of this start of the shard.
  public let incarnation: Identifier
  /// What the machine has counted.
  public internal(set) var counters = Counters()
  /// The steps, tables and selectors.
  public let store: ReplayStore
  /// The largest frame that the service's socket accepts, in bytes; WELCOME says it.
  public var frameBytesMax = Limits.frameBytes
  var generator: SeededGenerator

  var writers: ReplayWriters
  var samplers: ReplaySamplers
  /// The learner whose shard this is; nil without one, or if any number may sample.
  var learner: ShardLearner?
  /// Paces actors; nil if no table asks for it.
  var pacer: StepPacer?
  /// The newest weights that a learner of a table with a bound on staleness has.
  var progress: UInt64 = 0
  var waitingInserts = WaitingInserts()
  var waitingSamples = SampleQueue()
  var round = ReplayRound()
  /// The store may not fit in memory: another thread reads a batch's steps before they are
  /// gathered.
  var prefetchesBatches: Bool { store.isLargerThanMemory }
  var prefetch = PrefetchQueue()
  var snapshotJobs = SnapshotJobs()
  /// nil: nothing is published for recorders.
  var tap: ReplayTap?
  /// By table.
  var fleets: [Fleet]
  /// When inserts that wait for another shard's are tried again, if nothing is heard of it.
  var nextYieldCheck = Instant.never
  var answers: AnswerSizes

  /// The schema of the configuration's environment, if that is known.
  var expectedSchema: StepSchema?
  /// The schema that a writer proposed, until some steps are stored.
  var proposedSchema: StepSchema?
  var rowBytes: [Int] = []
  var insertion = Insertion(columnsPerChunk: 1)
  var draw = Draw()
  /// Draws so far; they number the answers.
  var draws: UInt64 = 0
  let scratch = FrameWriter(capacity: 1 << 16)

  /// Why the disk takes no more steps; nil while it does.
  var storageProblem: String?
  /// Limits have changed since the last `takeNewLimits`.
  var hasNewLimits = false
  let startedAt: Instant
  var nextSweep: Instant
  /// Lines for the log since the last `takeNotices`.
  public internal(set) var notices: [String] = []
  /// Warnings for the log since the last `takeWarnings`.
  var warnings: [String] = []
  /// The damage that warnings have reported.
  var damageReported = StoreDamage()

  /// The highest sequence that is accepted. No writer gets there, and sums of sequences stay below
  /// 2⁶⁴.
  static let sequenceMax: UInt64 = 1 << 62

  /// Opens the store. With `file` storage, or a snapshot to begin with, the machine knows the
  /// writers of the previous incarnation.
  ///
  /// - Parameter progress: is called with the steps that are recovered so far, and with all of
  ///   them.
  public init(
    configuration: Configuration, incarnation: Identifier, generator: SeededGenerator, now: Instant,
    progress: (Int, Int) -> Void = { _, _ in }
  ) throws(ReplayStoreError) {
    self.configuration = configuration
    self.incarnation = incarnation
    self.generator = generator
    if let snapshot = configuration.initialSnapshot {
      notices.append(
        try Self.capacity(of: configuration, schema: ReplayStore.schema(ofSnapshot: snapshot)))
    }
    store = try ReplayStore(
      configuration: configuration.store, resuming: configuration.initialSnapshot,
      bytesVerified: configuration.bytesVerified, progress: progress)
    damageReported = store.damage
    writers = ReplayWriters(
      countMax: configuration.peersMax, replaceableAfter: configuration.peerReplaceableAfter)
    samplers = ReplaySamplers(
      countMax: configuration.peersMax, replaceableAfter: configuration.peerReplaceableAfter)
    fleets = configuration.store.tables.map { _ in Fleet() }
    answers = AnswerSizes(configuration)
    pacer = configuration.pacing.map { StepPacer($0) }
    tap = configuration.isTapped ? ReplayTap(now: now) : nil
    startedAt = now
    nextSweep = now + .seconds(10)
    schemaIsKnown()
    for writer in store.recovery?.writers ?? [] { writers.resume(writer, now: now) }
    requestCheck()
  }

  mutating func schemaIsKnown() {
    writers.skipHandles(below: store.nextWriter)
    guard let schema = store.schema else { return }
    rowBytes = schema.fields.map(\.byteCount) + [1]
    insertion = Insertion(columnsPerChunk: schema.columnCount)
    answers.adopt(schema)
  }

  /// Refuses writers whose steps are not those of the run's environment; nil accepts the first
  /// writer's schema.
  public mutating func expect(_ schema: StepSchema?) { expectedSchema = schema }

  /// Warnings since the last call, for the log.
  public mutating func takeWarnings() -> [String] {
    reportDamage()
    defer { warnings.removeAll() }
    return warnings
  }

  /// Notices since the last call, for the log.
  public mutating func takeNotices() -> [String] {
    defer { notices.removeAll() }
    return notices
  }
}

extension ReplayMachine {
  /// Receives a client's frame and answers it, or leaves the answer to `answerReceived`.
  public mutating func receive(
    _ frame: UnsafeRawBufferPointer, from peer: PeerID, now: Instant, sink: some FrameSink
  ) {
    snapshotJobs.recordFrame()
    var cursor = FrameCursor(frame)
    var type: MessageType?
    do throws(WireError) {
      let opened = try cursor.openMessage()
      type = opened
      switch opened {
      case .insert: try insert(&cursor, frame, from: peer, now: now, sink: sink)
      case .sampleRequest: try sample(SampleRequest(from: &cursor), from: peer, now: now, sink: sink)
      case .priorities: priorities(try PriorityUpdate(from: &cursor), from: peer, sink: sink)
      case .hello: hello(try Hello(from: &cursor), from: peer, now: now, sink: sink)
      case .limitsRequest:
        limits(try LimitsRequest(from: &cursor), from: peer, now: now, sink: sink)
      case .goodbye: goodbye(try Goodbye(from: &cursor), from: peer, now: now, sink: sink)
      case .inspectRequest: inspect(try InspectRequest(from: &cursor), to: peer, now: now, sink: sink)
      case .totalsRequest: totals(try TotalsRequest(from: &cursor), from: peer, now: now, sink: sink)
      case .snapshotRequest: snapshot(try SnapshotRequest(from: &cursor), to: peer, sink: sink)
      case .learnerRequest:
        try cursor.close()
        answerLearner(to: peer, now: now, sink: sink)
      case .progress: progress(try Progress(from: &cursor), from: peer, now: now, sink: sink)
      case .stepRequest:
        stepRequest(try StepRequest(from: &cursor), from: peer, now: now, sink: sink)
      case .healthRequest:
        try cursor.close()
        health(to: peer, now: now, sink: sink)
      default:
        refuse(
          .unsupported, opened, 0,
          "the replay does not accept messages of type \(opened.rawValue); check the address", peer, sink)
      }
    } catch {
      counters.malformed += 1
      let code = error.unknownType == nil ? RefusalCode.malformed : .unsupported
      let reference = Self.reference(of: frame)
      refuse(code, type?.rawValue ?? error.unknownType, reference, error.description, peer, sink)
    }
  }

  /// The sequence of an INSERT, or the number of a SAMPLE, whose other content cannot be decoded; 0
  /// if it cannot be decoded either.
  private static func reference(of frame: UnsafeRawBufferPointer) -> UInt64 {
    var cursor = FrameCursor(frame)
    switch try? cursor.openMessage() {
    case .insert, .sampleRequest: return (try? cursor.number("the number")) ?? 0
    default: return 0
    }
  }

  /// Does what is due by time. Call it at `nextDeadline` or earlier.
  public mutating func advance(to now: Instant, sink: some FrameSink) {
    if let check = waitingSamples.nextRoomCheck, now >= check { lookForRoom(now: now, sink: sink) }
    if let check = waitingInserts.nextQuotaCheck, now >= check { drain(now: now, sink: sink) }
    if now >= nextYieldCheck {
      nextYieldCheck = .never
      drain(now: now, sink: sink)
    }
    if pacer != nil {
      // Silent peers may have let others go on.
      drainSamplesAndGrant(now: now, sink: sink)
    }
    guard now >= nextSweep else { return }
    nextSweep = now + .seconds(10)
    tap?.backlog.expire(now: now)
    for handle in writers.silent(for: configuration.peerGoneAfter, now: now) { forget(writer: handle) }
    for peer in samplers.silent(for: configuration.peerGoneAfter, now: now) { forget(sampler: peer) }
    for handle in writers.forgetDeparted(for: configuration.peerGoneAfter, now: now) {
      store.forgetWriter(handle)
    }
    forgetOthers(now: now)
    writers.trimLabels(withSteps: store.writersWithSteps)
    drain(now: now, sink: sink)
  }

  /// When `advance` is due at the latest.
  public func nextDeadline(now: Instant) -> Instant {
    min(
      min(nextSweep, nextYieldCheck, pacer?.nextDeadline(now: now) ?? .never),
      waitingInserts.nextQuotaCheck ?? .never, waitingSamples.nextRoomCheck ?? .never)
  }

  func refuse(
    _ code: RefusalCode, _ type: MessageType, _ reference: UInt64, _ text: String, _ peer: PeerID,
    _ sink: some FrameSink
  ) {
    refuse(code, type.rawValue, reference, text, peer, sink)
  }

  func refuse(
    _ code: RefusalCode, _ type: UInt8?, _ reference: UInt64, _ text: String, _ peer: PeerID,
    _ sink: some FrameSink
  ) {
    Refusal(code: code, type: type ?? 0, reference: reference, text: text).encode(into: scratch)
    sink.send(scratch.bytes, to: peer)
  }
}
