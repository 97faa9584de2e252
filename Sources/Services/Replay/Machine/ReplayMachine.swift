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
  public struct Configuration: Sendable {
    public var store: ReplayStoreConfiguration
    /// Insert messages, or sample requests, that a peer may have unanswered.
    public var credit = 256
    /// Bytes of insert messages that a writer may have unanswered: one message may always be.
    public var creditBytes = 32 << 20
    /// Batches beyond this are sent in parts, so that one does not hold up acknowledgements.
    public var partBytes = 1 << 20
    /// A request for more is refused, unless it is for one row: all of an answer is in memory while
    /// it is sent.
    public var answerBytesMax = 256 << 20
    /// Writers, and samplers, that are remembered: four times as many as were measured; each takes
    /// some hundred bytes. Where there are more, one that has brought or asked nothing yet makes
    /// room for a newcomer.
    public var peersMax = 4096
    /// Where all have brought something, one that has been silent for this long makes room: twice a
    /// writer's patience, after which it has given its messages up.
    public var peerReplaceableAfter = Instant.Span.seconds(60)
    /// A writer or sampler that is silent for this long is forgotten. Much longer than a writer's own patience: it drops its
    /// unacknowledged messages first, so none can come twice.
    public var peerGoneAfter = Instant.Span.seconds(600)
    /// Bytes of insert messages that may wait here, of all writers together. What comes beyond is answered `busy` and comes again;
    /// one message is always kept, so that it goes on.
    public var waitingBytesMax = 256 << 20
    /// A writer that has been silent for longer takes no part in quotas: the others share what it leaves. Actors send at least every
    /// 50 ms while they step.
    public var writerActiveFor = Instant.Span.seconds(2)
    /// Memory that the store may take, in bytes, and room on its disk; a schema that needs more is refused.
    public var memoryMax = Int.max
    public var diskMax = Int.max
    /// Where snapshots go; nil refuses them. One of the name N is in the folder N there, each shard's under its number.
    public var snapshotFolder: String?
    public var shard = 1
    /// A snapshot that it begins with, with `memory` storage.
    public var beginning: String?
    /// Steps that are in doubt are checked before it serves, about so many bytes of them; the rest
    /// while it does.
    public var bytesVerified = Int.max

    public init(store: ReplayStoreConfiguration) {
      self.store = store
    }
  }

  public struct Counters: Sendable {
    public var messagesCommitted: UInt64 = 0
    public var messagesRepeated: UInt64 = 0
    public var messagesAhead: UInt64 = 0
    public var messagesRefused: UInt64 = 0
    public var messagesBlocked: UInt64 = 0
    /// Messages that waited as their writer owned more of the ring than its share.
    public var messagesOverQuota: UInt64 = 0
    /// Messages that were not kept, as too many bytes waited.
    public var messagesOverBudget: UInt64 = 0
    public var batchesServed: UInt64 = 0
    public var batchesUndelivered: UInt64 = 0
    public var requestsRepeated: UInt64 = 0
    /// Requests that were dropped, as their sampler's connection is closed.
    public var requestsOfGone: UInt64 = 0
    /// Writers and samplers that made room for newcomers.
    public var peersReplaced: UInt64 = 0
    public var prioritiesApplied: UInt64 = 0
    public var prioritiesGone: UInt64 = 0
    public var prioritiesRefused: UInt64 = 0
    public var malformed: UInt64 = 0
    /// Messages refused as the disk was full; they come again.
    public var messagesWithoutRoom: UInt64 = 0
    /// Items of batches that were evicted while their steps were read from the disk.
    public var itemsDrawnAnew: UInt64 = 0
    public var steps: UInt64 = 0
    public var items: UInt64 = 0
    public var itemsStale: UInt64 = 0
  }

  struct Writer {
    var id: Identifier
    var label: String
    var peer: PeerID
    var committed: UInt64
    /// Something was committed since the last acknowledgement.
    var isAcknowledgementDue = false
    var waiting = 0
    /// Bytes of its messages that wait.
    var waitingBytes = 0
    /// The turn of its last message that waits.
    var lastTurn: UInt64 = 0
    /// It has brought something.
    var isProven = false
    var lastHeard: Instant
  }

  /// Whose a handle is, as long as steps of it are here.
  struct Label {
    var id: Identifier
    var text: String
  }

  struct Departure {
    var handle: Int
    var since: Instant
  }

  struct Sampler {
    var id: Identifier
    var waiting = 0
    /// The turn of its last request that waits.
    var lastTurn: UInt64 = 0
    /// It has asked for something.
    var isProven = false
    var lastHeard: Instant
  }

  /// What holds the first waiting insert back.
  struct InsertBlock {
    var table: Int
    var reason: String
    /// Since when it has let nothing in.
    var since: Instant
  }

  struct WaitingSample: TakesTurns {
    var peer: PeerID
    var request: SampleRequest
    var since: Instant
    var turn: UInt64 = 0
  }

  public let configuration: Configuration
  public let incarnation: Identifier
  public internal(set) var counters = Counters()
  public let store: ReplayStore

  /// The largest frame that the service's socket takes, for WELCOME.
  public var frameBytesMax = Limits.frameBytes
  var generator: SeededGenerator
  var writerHandles: [Identifier: Int] = [:]
  var writers: [Int: Writer] = [:]
  var nextHandle = 0
  /// Of each table.
  var fleets: [Fleet]
  var labels: [Int: Label] = [:]
  /// The store may not fit in memory: steps of a batch are read by another thread before they are gathered.
  var warmsBatches: Bool { store.isLargerThanMemory }
  var warming: [WarmingBatch] = []
  var warmingRequests: [WarmingRequest] = []
  var nextWarmingTicket: UInt64 = 0
  var spareDraws: [Draw] = []
  /// Writers to whom an acknowledgement is due, in the order of their first commits.
  var acknowledgementsDue: [Int] = []
  /// Of frames committed since the last acknowledgements.
  var bytesUnacknowledged = 0
  /// Whether something has come since the last `drain` that may let something in; and the bytes of frames committed since then.
  var isDrainDue = false
  var bytesBeforeDrain = 0
  /// A frame has come since the last slice of a copy.
  var hasReceived = false
  /// Snapshots and restores, the last one perhaps under way.
  var copies: [CopyJob] = []
  /// Writers that have said goodbye, so that a late repetition of their messages is not taken for another life.
  var departed: [Identifier: Departure] = [:]
  var writerOfPeer: [PeerID: Int] = [:]
  var samplers: [PeerID: Sampler] = [:]
  var samplerPeers: [Identifier: PeerID] = [:]
  var waitingInserts = WaitingInserts()
  var waitingSamples: [WaitingSample] = []
  var sampleTurns = Turns()
  /// Those that had brought or asked nothing when they came, oldest first; some have since.
  var unprovenWriters = Newcomers<Int>()
  var unprovenSamplers = Newcomers<PeerID>()
  /// Draws for samplers that went away before they were sent, for the next request of as many
  /// items.
  var orphans: [Draw] = []
  /// When to look again whether there is room on the way to samplers; nil while no request waits
  /// for that.
  var nextRoomCheck: Instant?
  /// Draws so far: each answer has a number.
  var draws: UInt64 = 0
  /// What steps look like by the configuration's environment.
  var expectedSchema: StepSchema?
  /// What steps look like by the first writer's word, until some are stored.
  var proposedSchema: StepSchema?
  /// Whose limiter, or unread items, hold inserts back; nil while everything is let in that no quota holds.
  var insertBlock: InsertBlock?
  var samplesBlockedSince: Instant?
  /// Limits have changed since they were last asked for.
  var hasNewLimits = false
  var insertion = Insertion(columnsPerChunk: 1)
  var draw = Draw()
  var rowBytes: [Int] = []
  /// Bytes of a row of an answer, by table; none before the schema is known.
  var answerRowBytes: [Int] = []
  let scratch = FrameWriter(capacity: 1 << 16)
  /// Why the disk takes nothing more; nil while it does.
  var storageProblem: String?
  /// No writer gets there; sums of sequence numbers stay below 2⁶⁴.
  static let sequenceMax: UInt64 = 1 << 62
  let startedAt: Instant
  var nextSweep: Instant
  /// When to look again at messages that a quota holds; nil while there are none.
  var nextShareCheck: Instant?
  /// Said once, when the first writer has declared what steps look like.
  public internal(set) var notices: [String] = []
  /// What somebody should look at.
  var warnings: [String] = []
  /// The ticket of what is being read of steps that are in doubt; nil once all are checked.
  var checkingTicket: UInt64?
  /// How much had been found damaged when it was last said.
  var damageSaid = StoreDamage()

  /// With `file` storage, or a snapshot to begin with, it knows the writers of the life before; `progress` is told how far its steps have
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
      configuration: configuration.store, takingUp: configuration.beginning,
      bytesVerified: configuration.bytesVerified, progress: progress)
    damageSaid = store.damage
    fleets = configuration.store.tables.map { _ in Fleet() }
    startedAt = now
    nextSweep = now + .seconds(10)
    schemaIsKnown()
    for writer in store.recovery?.writers ?? [] { takeUp(writer, now: now) }
    requestCheck()
  }

  private mutating func takeUp(_ writer: KnownWriter, now: Instant) {
    labels[writer.handle] = Label(id: writer.id, text: writer.label)
    if writer.hasLeft {
      departed[writer.id] = Departure(handle: writer.handle, since: now)
    } else {
      writerHandles[writer.id] = writer.handle
      writers[writer.handle] = Writer(
        id: writer.id, label: writer.label, peer: .service, committed: writer.committed, lastHeard: now)
    }
  }

  mutating func schemaIsKnown() {
    nextHandle = max(nextHandle, store.nextWriter)
    guard let schema = store.schema else { return }
    rowBytes = schema.fields.map(\.byteCount) + [1]
    insertion = Insertion(columnsPerChunk: schema.columnCount)
    answerRowBytes = configuration.store.tables.map { table in
      // Key, probability and weights version too.
      table.schema.batchFields(of: schema).reduce(20) { $0 + $1.byteCount }
    }
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
    hasReceived = true
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
      case .copyRequest: copy(try CopyRequest(from: &cursor), to: peer, sink: sink)
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
    if let check = nextRoomCheck, now >= check { lookForRoom(now: now, sink: sink) }
    if let check = nextShareCheck, now >= check { drain(now: now, sink: sink) }
    guard now >= nextSweep else { return }
    nextSweep = now + .seconds(10)
    for (handle, writer) in writers where now >= writer.lastHeard + configuration.peerGoneAfter {
      forget(writer: handle)
      store.forgetWriter(handle)
    }
    for (peer, sampler) in samplers where now >= sampler.lastHeard + configuration.peerGoneAfter {
      forget(sampler: peer)
    }
    for (id, departure) in departed where now >= departure.since + configuration.peerGoneAfter {
      departed[id] = nil
      store.forgetWriter(departure.handle)
    }
    forgetOthers(now: now)
    let withSteps = store.writersWithSteps
    labels = labels.filter { writers[$0.key] != nil || withSteps.contains($0.key) }
    drain(now: now, sink: sink)
  }

  public func nextDeadline(now: Instant) -> Instant {
    min(nextSweep, nextShareCheck ?? .never, nextRoomCheck ?? .never)
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
