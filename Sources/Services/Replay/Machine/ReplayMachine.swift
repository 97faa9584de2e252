// The replay service, without sockets or clock.

public import Experience
public import Foundations
public import ReplayStore
internal import Wire

/// Takes experience from writers and serves batches to samplers.
///
/// * **Insert.** Of each writer only the message after the last committed one is taken. A lower one is acknowledged again, a
///   higher one answered with a gap. A message that the rate limiter holds back waits here, writers
///   in turn; a writer has at most `credit` of them waiting, and `creditBytes`, so memory is
///   bounded.
/// * **Sample.** Requests that the limiter holds back wait, samplers in turn; at most `credit` a
///   sampler. A request waits too while too much is under way to its sampler. One whose sampler is
///   gone is dropped before anything is drawn for it.
/// * A frame that cannot be read, or not be accepted, is answered with a refusal and counted; nothing of it is kept.
public struct ReplayMachine {
  public let configuration: Configuration
  public let incarnation: Identifier
  public internal(set) var counters = Counters()
  public let store: ReplayStore
  /// The largest frame that the service's socket takes, for WELCOME.
  public var frameBytesMax = Limits.frameBytes
  var generator: SeededGenerator

  var writers: ReplayWriters
  var samplers: ReplaySamplers
  var waitingInserts = WaitingInserts()
  var waitingSamples = SampleQueue()
  var round = ReplayRound()
  /// The store may not fit in memory: steps of a batch are read by another thread before they are gathered.
  var prefetchesBatches: Bool { store.isLargerThanMemory }
  var prefetch = PrefetchQueue()
  var copies = SnapshotJobs()
  /// Of each table.
  var fleets: [Fleet]
  var answers: AnswerSizes

  /// What steps look like by the configuration's environment.
  var expectedSchema: StepSchema?
  /// What steps look like by the first writer's word, until some are stored.
  var proposedSchema: StepSchema?
  var rowBytes: [Int] = []
  var insertion = Insertion(columnsPerChunk: 1)
  var draw = Draw()
  /// Draws so far: each answer has a number.
  var draws: UInt64 = 0
  let scratch = FrameWriter(capacity: 1 << 16)

  /// Why the disk takes nothing more; nil while it does.
  var storageProblem: String?
  /// Limits have changed since they were last asked for.
  var hasNewLimits = false
  let startedAt: Instant
  var nextSweep: Instant
  /// Said once, when the first writer has declared what steps look like.
  public internal(set) var notices: [String] = []
  /// What somebody should look at.
  var warnings: [String] = []
  /// How much had been found damaged when it was last said.
  var damageSaid = StoreDamage()

  /// No writer gets there; sums of sequence numbers stay below 2⁶⁴.
  static let sequenceMax: UInt64 = 1 << 62

  /// With `file` storage, or a snapshot to begin with, it knows the writers of the incarnation before; `progress` is told how far its steps have
  /// been taken over.
  public init(
    configuration: Configuration, incarnation: Identifier, generator: SeededGenerator, now: Instant,
    progress: (Int, Int) -> Void = { _, _ in }
  ) throws(ReplayStoreError) {
    self.configuration = configuration
    self.incarnation = incarnation
    self.generator = generator
    if let snapshot = configuration.beginning {
      notices.append(
        try Self.capacity(of: configuration, schema: ReplayStore.schema(ofSnapshot: snapshot)))
    }
    store = try ReplayStore(
      configuration: configuration.store, resuming: configuration.beginning,
      bytesVerified: configuration.bytesVerified, progress: progress)
    damageSaid = store.damage
    writers = ReplayWriters(
      countMax: configuration.peersMax, replaceableAfter: configuration.peerReplaceableAfter)
    samplers = ReplaySamplers(
      countMax: configuration.peersMax, replaceableAfter: configuration.peerReplaceableAfter)
    fleets = configuration.store.tables.map { _ in Fleet() }
    answers = AnswerSizes(configuration)
    startedAt = now
    nextSweep = now + .seconds(10)
    schemaIsKnown()
    for writer in store.recovery?.writers ?? [] { writers.takeUp(writer, now: now) }
    requestCheck()
  }

  mutating func schemaIsKnown() {
    writers.skipHandles(below: store.nextWriter)
    guard let schema = store.schema else { return }
    rowBytes = schema.fields.map(\.byteCount) + [1]
    insertion = Insertion(columnsPerChunk: schema.columnCount)
    answers.adopt(schema)
  }

  /// Refuses writers of other steps than these, which the run's environment has; nil takes the
  /// first writer's word.
  public mutating func expect(_ schema: StepSchema?) { expectedSchema = schema }

  /// What somebody should look at, since the last call.
  public mutating func takeWarnings() -> [String] {
    sayDamage()
    defer { warnings.removeAll() }
    return warnings
  }

  /// What has been noted since the last call, for the log.
  public mutating func takeNotices() -> [String] {
    defer { notices.removeAll() }
    return notices
  }
}

extension ReplayMachine {
  public mutating func receive(
    _ frame: UnsafeRawBufferPointer, from peer: PeerID, now: Instant, sink: some FrameSink
  ) {
    copies.noteWork()
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
      case .snapshotRequest: copy(try SnapshotRequest(from: &cursor), to: peer, sink: sink)
      case .healthRequest:
        try cursor.close()
        health(to: peer, now: now, sink: sink)
      default:
        refuse(
          .unsupported, opened, 0,
          "the replay service does not take messages of type \(opened); check the address", peer, sink)
      }
    } catch {
      counters.malformed += 1
      let code = error.unknownType == nil ? RefusalCode.malformed : .unsupported
      let reference = Self.reference(of: frame)
      refuse(code, type?.rawValue ?? error.unknownType, reference, error.description, peer, sink)
    }
  }

  /// The sequence of an INSERT or the number of a SAMPLE that cannot be read as a whole; 0 if that
  /// cannot be read either.
  private static func reference(of frame: UnsafeRawBufferPointer) -> UInt64 {
    var cursor = FrameCursor(frame)
    switch try? cursor.openMessage() {
    case .insert, .sampleRequest: return (try? cursor.number("the number")) ?? 0
    default: return 0
    }
  }

  public mutating func advance(to now: Instant, sink: some FrameSink) {
    if let check = waitingSamples.nextRoomCheck, now >= check { lookForRoom(now: now, sink: sink) }
    if let check = waitingInserts.nextQuotaCheck, now >= check { drain(now: now, sink: sink) }
    guard now >= nextSweep else { return }
    nextSweep = now + .seconds(10)
    for handle in writers.silent(for: configuration.peerGoneAfter, now: now) { forget(writer: handle) }
    for peer in samplers.silent(for: configuration.peerGoneAfter, now: now) { forget(sampler: peer) }
    for handle in writers.forgetDeparted(for: configuration.peerGoneAfter, now: now) {
      store.forgetWriter(handle)
    }
    forgetOthers(now: now)
    writers.trimLabels(withSteps: store.writersWithSteps)
    drain(now: now, sink: sink)
  }

  public func nextDeadline(now: Instant) -> Instant {
    min(nextSweep, waitingInserts.nextQuotaCheck ?? .never, waitingSamples.nextRoomCheck ?? .never)
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
