// An actor's side of the delivery of experience.

public import Experience
public import Foundations
public import Wire

/// Numbers insert messages, keeps them until they are acknowledged, and sends lost ones again
/// (go-back-N).
///
/// A message is built in place: `beginFrame` returns a recycled writer that already holds its
/// number, and `commitFrame` sends it. At most `credit` messages, and the bytes that the service
/// grants, wait for acknowledgement. Beyond that `isBlocked`, and the owner waits or drops what it
/// has not framed yet. An acknowledgement of messages that were never sent ends the session: it is
/// another writer's. If the service is silent for longer than `goneAfter`, unacknowledged messages
/// are dropped and counted. They are never sent to another shard: the first may have committed
/// them.
public struct WriterMachine {
  /// What a writer tells the service, and when it repeats itself.
  public struct Configuration: Sendable {
    /// The writer's id, sent in HELLO.
    public var id: Identifier
    /// Names the writer in lists and logs.
    public var label: String
    /// The schema of its steps; the service must have the same.
    public var schema: StepSchema
    /// The tables by which its items are numbered; the service must have the same.
    public var tables: [TableSchema]
    /// Messages that may wait for acknowledgement; the service may grant fewer.
    public var inFlight = 8
    /// Time between two greetings until the service answers.
    public var helloEvery = Instant.Span.milliseconds(250)
    /// Without progress for this long, the oldest message is sent again.
    public var probeAfter = Instant.Span.seconds(1)
    /// Silence of the service after which unacknowledged messages are dropped.
    public var goneAfter = Instant.Span.seconds(30)
    /// The shard that its frames go to.
    public var service = PeerID.service

    public init(id: Identifier, label: String, schema: StepSchema, tables: [TableSchema]) {
      self.id = id
      self.label = label
      self.schema = schema
      self.tables = tables
    }
  }

  /// What a writer has counted.
  public struct Counters: Sendable {
    /// Messages that the service acknowledged.
    public var messagesCommitted: UInt64 = 0
    /// Times that a message was sent again.
    public var messagesResent: UInt64 = 0
    /// Messages dropped without an acknowledgement.
    public var messagesDropped: UInt64 = 0
    /// New incarnations of the service that welcomed this writer.
    public var serviceRestarts: UInt64 = 0
    /// Frames that could not be decoded, or were of no type for a writer.
    public var malformed: UInt64 = 0
  }

  /// What the writer was started with.
  public let configuration: Configuration
  /// The configuration's value, unless the owner sets another.
  public var goneAfter: Instant.Span
  /// What the writer has counted.
  public private(set) var counters = Counters()
  /// The steps that may be acted, where staleness is bounded.
  public private(set) var allowance = StepAllowance()
  /// Rises when messages are dropped: the next chunk of every stream must then be marked `cut`.
  public private(set) var cutEpoch: UInt64 = 0

  private var session: ClientSession
  private var credit: Int
  /// Bytes that may be unacknowledged; one message is always allowed.
  private var creditBytes: UInt64 = .max
  /// The sequence of the next message.
  private var nextSequence: UInt64 = 1
  private var pending: [Pending] = []
  private var pendingBytes = 0
  private var spare: [FrameWriter] = []
  private let control = FrameWriter(capacity: 64)
  private var current: FrameWriter?
  /// Pending messages before this one have been sent on this connection.
  private var unsentFrom = 0
  /// The bytes of those.
  private var sentBytes = 0
  private var lastProgress: Instant
  private var lastHeard: Instant
  private var lastResend: Instant
  /// The oldest message was sent again in case it was lost, and no acknowledgement has come since.
  private var isProbing = false

  struct Pending {
    var sequence: UInt64
    var frame: FrameWriter
  }

  public init(configuration: Configuration, now: Instant) {
    self.configuration = configuration
    goneAfter = configuration.goneAfter
    credit = configuration.inFlight
    session = ClientSession(
      id: configuration.id, service: configuration.service, greetEvery: configuration.helloEvery, now: now)
    lastProgress = now
    lastHeard = now
    lastResend = now
  }

  /// No further message may be framed until an acknowledgement comes.
  public var isBlocked: Bool { pending.count >= credit || UInt64(pendingBytes) >= creditBytes }
  /// The service has welcomed this writer.
  public var isReady: Bool { session.isOpen }
  /// Messages that wait for acknowledgement.
  public var unacknowledged: Int { pending.count }
  /// The last sequence that is known to be in the store.
  public var committed: UInt64 { (pending.first?.sequence ?? nextSequence) - 1 }
  /// Why the service refuses this writer for good, if it does.
  public var refusal: Refusal? { session.refusal }
}

extension WriterMachine {
  /// Begins the next message: write `chunks` chunks, then the items, then call `commitFrame`. Nil
  /// when blocked.
  public mutating func beginFrame(chunks: Int) -> FrameWriter? {
    guard !isBlocked else { return nil }
    precondition(current == nil, "the last frame was not committed")
    let frame = spare.popLast() ?? FrameWriter(capacity: 1 << 16)
    Insert.begin(frame, sequence: nextSequence, chunks: chunks)
    current = frame
    return frame
  }

  /// Queues the frame and sends it if the connection is ready.
  public mutating func commitFrame(now: Instant, sink: some FrameSink) {
    guard let frame = current else { preconditionFailure("no frame was begun") }
    current = nil
    if pending.isEmpty { lastProgress = now }
    pending.append(Pending(sequence: nextSequence, frame: frame))
    pendingBytes += frame.count
    nextSequence += 1
    sendUnsent(sink: sink)
  }

  /// Receives a frame of the service.
  public mutating func receive(_ frame: UnsafeRawBufferPointer, now: Instant, sink: some FrameSink) {
    lastHeard = now
    var cursor = FrameCursor(frame)
    do throws(WireError) {
      switch try cursor.openMessage() {
      case .welcome: welcome(try Welcome(from: &cursor), now: now, sink: sink)
      case .acknowledgement: acknowledge(try Acknowledgement(from: &cursor), now: now, sink: sink)
      case .stepGrant: allowance.receive(try StepGrant(from: &cursor), now: now)
      case .refusal: refuse(try Refusal(from: &cursor), now: now, sink: sink)
      default: counters.malformed += 1
      }
    } catch {
      counters.malformed += 1
    }
  }

  /// Does what is due by time. Call it at `nextDeadline` or earlier.
  public mutating func advance(to now: Instant, sink: some FrameSink) {
    guard session.refusal == nil else { return }
    if now >= session.nextGreeting { hello(now: now, sink: sink) }
    if session.isOpen {
      sendUnsent(sink: sink)
      probe(now: now, sink: sink)
      sendRequest(now: now, sink: sink)
    }
    if !pending.isEmpty, now >= max(lastHeard, lastProgress) + goneAfter {
      dropPending(now: now)
    }
  }

  /// When `advance` is due at the latest.
  public func nextDeadline(now: Instant) -> Instant {
    guard session.isOpen else { return session.nextGreeting }
    guard !pending.isEmpty else { return allowance.nextRequest }
    if unsentFrom < sendable { return now + .milliseconds(5) }
    return min(allowance.nextRequest, max(lastProgress, lastResend) + configuration.probeAfter)
  }

  /// Asks the shard for steps to act; `allowance` has the answer. What is left of the last grant is
  /// given back, so 0 gives all back.
  public mutating func ask(forSteps steps: Int, now: Instant, sink: some FrameSink) {
    allowance.ask(steps, after: nextSequence - 1, now: now)
    if session.isOpen { sendRequest(now: now, sink: sink) }
  }

  /// Counts steps of the grant that were acted.
  public mutating func use(steps: Int) { allowance.use(steps) }

  private mutating func sendRequest(now: Instant, sink: some FrameSink) {
    guard let request = allowance.request(now: now) else { return }
    request.encode(into: control)
    sink.send(control.bytes, to: session.service)
  }

  /// Drops and counts what is not acknowledged. The service is told and drops what waits there:
  /// this writer goes on after it when it comes back.
  mutating func abandonPending(now: Instant, sink: some FrameSink) {
    guard session.refusal == nil, !pending.isEmpty else { return }
    dropPending(now: now)
    hello(now: now, sink: sink)
  }

  /// Says GOODBYE.
  public mutating func leave(sink: some FrameSink) { session.leave(sink: sink) }
}

extension WriterMachine {
  private mutating func hello(now: Instant, sink: some FrameSink) {
    let hello = Hello(
      role: .writer, id: configuration.id, label: configuration.label,
      nextSequence: pending.first?.sequence ?? nextSequence, schema: configuration.schema,
      tables: configuration.tables)
    session.greet(with: hello, now: now, sink: sink)
  }

  private mutating func welcome(_ welcome: Welcome, now: Instant, sink: some FrameSink) {
    // A lower sequence answers an older HELLO: the service does not know yet that this writer
    // dropped messages, and would wait for them.
    guard session.isGreeting, welcome.committed >= committed else { return }
    guard isPossible(welcome.committed, "WELCOME") else { return }
    if session.open(by: welcome.incarnation) {
      counters.serviceRestarts += 1
      allowance.reset(now: now)
    }
    credit = max(1, min(configuration.inFlight, welcome.grant.messages))
    creditBytes = welcome.grant.bytes
    isProbing = false
    lastProgress = now
    release(upTo: welcome.committed)
    sendAgain()
    sendUnsent(sink: sink)
  }

  private mutating func acknowledge(
    _ acknowledgement: Acknowledgement, now: Instant, sink: some FrameSink
  ) {
    guard session.isOpen, isPossible(acknowledgement.committed, "ACKNOWLEDGEMENT") else { return }
    let before = pending.count
    release(upTo: acknowledgement.committed)
    let hasProgressed = pending.count < before
    if hasProgressed { lastProgress = now }
    // A message that only its repetition delivered was lost, and most likely those after it too.
    let wasLost = isProbing && hasProgressed
    isProbing = false
    // After one lost message, each of a burst is answered with a gap: send again once for all of
    // them.
    let isMissing =
      acknowledgement.gap && pending.first?.sequence == acknowledgement.committed &+ 1
      && (hasProgressed || now >= lastResend + .milliseconds(20))
    if isMissing || wasLost {
      lastResend = now
      counters.messagesResent += UInt64(unsentFrom)
      sendAgain()
    }
    sendUnsent(sink: sink)
  }

  /// Whether the service may have committed up to a sequence. If that was never sent, the committed
  /// messages are another writer's, and this writer's would be dropped there as repeated.
  private mutating func isPossible(_ sequence: UInt64, _ message: String) -> Bool {
    if sequence < nextSequence { return true }
    let text =
      "\(message): expected a committed sequence of at most \(nextSequence - 1), which is all that this writer has sent, "
      + "found \(sequence): something else writes under its id, or answers in the replay's place; start this process again"
    session.end(
      Refusal(code: .invalid, type: MessageType.hello.rawValue, reference: sequence, text: text))
    return false
  }

  private mutating func refuse(_ refusal: Refusal, now: Instant, sink: some FrameSink) {
    session.receive(refusal, now: now)
    if now >= session.nextGreeting { hello(now: now, sink: sink) }
    if case .busy = refusal.code { lastResend = now }
  }

  /// Sends the oldest message again if nothing has been acknowledged for long: it may be lost.
  private mutating func probe(now: Instant, sink: some FrameSink) {
    guard let oldest = pending.first, now >= max(lastProgress, lastResend) + configuration.probeAfter else {
      return
    }
    lastResend = now
    isProbing = true
    counters.messagesResent += 1
    sink.send(oldest.frame.bytes, to: session.service)
  }

  /// Drops messages up to a committed sequence; their buffers are used again.
  private mutating func release(upTo committed: UInt64) {
    var count = 0
    while count < pending.count, pending[count].sequence <= committed {
      pendingBytes -= pending[count].frame.count
      if count < unsentFrom { sentBytes -= pending[count].frame.count }
      spare.append(pending[count].frame)
      count += 1
    }
    pending.removeFirst(count)
    unsentFrom = max(0, unsentFrom - count)
    counters.messagesCommitted += UInt64(count)
  }

  /// Pending messages that the service's credit covers.
  private var sendable: Int { min(pending.count, credit) }

  private mutating func sendUnsent(sink: some FrameSink) {
    guard session.isOpen else { return }
    while unsentFrom < sendable {
      let bytes = pending[unsentFrom].frame.bytes
      guard unsentFrom == 0 || UInt64(sentBytes + bytes.count) <= creditBytes,
        sink.send(bytes, to: session.service)
      else { return }
      sentBytes += bytes.count
      unsentFrom += 1
    }
  }

  /// Makes all pending messages unsent.
  private mutating func sendAgain() { (unsentFrom, sentBytes) = (0, 0) }

  private mutating func dropPending(now: Instant) {
    counters.messagesDropped += UInt64(pending.count)
    for entry in pending { spare.append(entry.frame) }
    pending.removeAll(keepingCapacity: true)
    pendingBytes = 0
    sendAgain()
    cutEpoch += 1
    lastHeard = now
    session.greetAgain(at: now)
  }
}
