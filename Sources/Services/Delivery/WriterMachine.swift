// An actor's side of the delivery of experience.

public import Experience
public import Foundations
public import Wire

/// Numbers insert messages, keeps them until they are acknowledged, and sends again what was lost (go-back-N).
///
/// A message is built in place: `beginFrame` gives a recycled writer that holds its number,
/// `commitFrame` sends it. At most `credit` messages wait for acknowledgement, and so many bytes as
/// the service grants; then `isBlocked`, and its owner waits or drops what it has not framed yet.
/// An answer that counts more than was sent is refused: what it is about is not this writer's. If
/// the service stays away longer than `goneAfter`, what is unacknowledged is dropped and counted,
/// never sent elsewhere (that could double it).
public struct WriterMachine {
  public struct Configuration: Sendable {
    public var id: Identifier
    public var label: String
    public var schema: StepSchema
    public var tables: [TableSchema]
    /// Messages that may wait for acknowledgement; the service may grant fewer.
    public var inFlight = 8
    public var helloEvery = Instant.Span.milliseconds(250)
    /// Without progress for this long, the oldest message is sent again.
    public var probeAfter = Instant.Span.seconds(1)
    public var goneAfter = Instant.Span.seconds(30)
    /// Whom its frames go to: a shard, where there are several.
    public var service = PeerID.service

    public init(id: Identifier, label: String, schema: StepSchema, tables: [TableSchema]) {
      self.id = id
      self.label = label
      self.schema = schema
      self.tables = tables
    }
  }

  public struct Counters: Sendable {
    public var messagesCommitted: UInt64 = 0
    public var messagesResent: UInt64 = 0
    public var messagesDropped: UInt64 = 0
    public var serviceRestarts: UInt64 = 0
    public var malformed: UInt64 = 0
  }

  public let configuration: Configuration
  /// The configuration's, until somebody knows better.
  public var goneAfter: Instant.Span
  public private(set) var counters = Counters()
  /// Rises when messages were dropped: every stream's next chunk must then be marked `cut`.
  public private(set) var cutEpoch: UInt64 = 0

  private var session: ClientSession
  private var credit: Int
  /// Bytes that may be unanswered together; one message may always be.
  private var creditBytes: UInt64 = .max
  /// Of the next message.
  private var nextSequence: UInt64 = 1
  private var pending: [Pending] = []
  private var pendingBytes = 0
  private var spare: [FrameWriter] = []
  private var current: FrameWriter?
  /// Pending messages before this one have been sent on this connection.
  private var unsentFrom = 0
  /// Their bytes.
  private var sentBytes = 0
  private var lastProgress: Instant
  private var lastHeard: Instant
  private var lastResend: Instant
  /// The oldest message was sent again on suspicion, and nothing has been heard since.
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
  public var isReady: Bool { session.isOpen }
  /// Messages that wait for acknowledgement.
  public var unacknowledged: Int { pending.count }
  /// The last sequence that is known to be in the store.
  public var committed: UInt64 { (pending.first?.sequence ?? nextSequence) - 1 }
  /// Why the service will have nothing of this writer, if so.
  public var refusal: Refusal? { session.refusal }
}

extension WriterMachine {
  /// The next message, begun: `chunks` chunks must follow, then the items. Nil when blocked.
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

  public mutating func receive(_ frame: UnsafeRawBufferPointer, now: Instant, sink: some FrameSink) {
    lastHeard = now
    var cursor = FrameCursor(frame)
    do throws(WireError) {
      switch try cursor.openMessage() {
      case .welcome: welcome(try Welcome(from: &cursor), now: now, sink: sink)
      case .acknowledgement: acknowledge(try Acknowledgement(from: &cursor), now: now, sink: sink)
      case .refusal: refuse(try Refusal(from: &cursor), now: now, sink: sink)
      default: counters.malformed += 1
      }
    } catch {
      counters.malformed += 1
    }
  }

  /// Does what time demands; call it at `nextDeadline` or earlier.
  public mutating func advance(to now: Instant, sink: some FrameSink) {
    guard session.refusal == nil else { return }
    if now >= session.nextGreeting { hello(now: now, sink: sink) }
    if session.isOpen {
      sendUnsent(sink: sink)
      probe(now: now, sink: sink)
    }
    if !pending.isEmpty, now >= max(lastHeard, lastProgress) + goneAfter {
      dropPending(now: now)
    }
  }

  public func nextDeadline(now: Instant) -> Instant {
    guard session.isOpen else { return session.nextGreeting }
    guard !pending.isEmpty else { return .never }
    if unsentFrom < sendable { return now + .milliseconds(5) }
    return max(lastProgress, lastResend) + configuration.probeAfter
  }

  /// Says that the writer leaves for good.
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
    // One that does not reach up to what this writer still has answers an older HELLO: the service does not know yet that the
    // rest was given up, and would wait for it.
    guard session.isGreeting, welcome.committed >= committed else { return }
    guard isPossible(welcome.committed, "WELCOME") else { return }
    if session.open(by: welcome.incarnation) { counters.serviceRestarts += 1 }
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
    // A message that only its repetition brought there was lost, and most likely what followed it too.
    let wasLost = isProbing && hasProgressed
    isProbing = false
    // A burst after one lost message is answered with a gap each: send again once for all of them.
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

  /// Whether the service may have committed up to a sequence. If it says so of what was never sent,
  /// the messages are another writer's; to go on would throw experience away as repeated.
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
    session.take(refusal, now: now)
    if now >= session.nextGreeting { hello(now: now, sink: sink) }
    if case .busy = refusal.code { lastResend = now }
  }

  /// Sends the oldest message again if nothing has been acknowledged for long: it may have been lost.
  private mutating func probe(now: Instant, sink: some FrameSink) {
    guard let oldest = pending.first, now >= max(lastProgress, lastResend) + configuration.probeAfter else {
      return
    }
    lastResend = now
    isProbing = true
    counters.messagesResent += 1
    sink.send(oldest.frame.bytes, to: session.service)
  }

  /// Forgets messages up to a committed sequence; their buffers are used again.
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

  /// Nothing that is pending counts as sent any more.
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
