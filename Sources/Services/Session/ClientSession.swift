// A client's session with a service.

internal import Experience
internal import Foundations
internal import Wire

/// Greets a service (HELLO, JOIN) until it is welcomed, and again whenever the service does not
/// know the client any more. Keeps the service's incarnation, and a refusal for good.
///
/// The session's owner encodes the greeting and interprets the welcome.
struct ClientSession {
  private enum State {
    /// The service does not know this client, or has not answered yet.
    case greeting(next: Instant)
    case open
    case refused(Refusal)
  }

  let id: Identifier
  /// The service that its frames go to.
  let service: PeerID
  /// The incarnation that was heard of last; nil before the first.
  private(set) var incarnation: Identifier?
  private let greetEvery: Instant.Span
  private var state: State
  private let scratch = FrameWriter(capacity: 512)

  init(id: Identifier, service: PeerID, greetEvery: Instant.Span, now: Instant) {
    self.id = id
    self.service = service
    self.greetEvery = greetEvery
    state = .greeting(next: now)
  }

  /// The service has welcomed the client.
  var isOpen: Bool { if case .open = state { true } else { false } }
  /// The client waits for a welcome; in every other state a welcome is a repetition.
  var isGreeting: Bool { if case .greeting = state { true } else { false } }
  /// Why the service refuses this client for good, if it does.
  var refusal: Refusal? { if case .refused(let refusal) = state { refusal } else { nil } }
  /// When the next greeting is due; `never` if the session is open or refused.
  var nextGreeting: Instant { if case .greeting(let next) = state { next } else { .never } }
}

extension ClientSession {
  mutating func greet(with greeting: some ValueMessage, now: Instant, sink: some FrameSink) {
    let isSent = send(greeting, sink: sink)
    // Not connected yet: at a start that takes milliseconds.
    state = .greeting(next: now + (isSent ? greetEvery : .milliseconds(20)))
  }

  /// Opens the session. True if the service was heard in another incarnation before.
  mutating func open(by heard: Identifier) -> Bool {
    state = .open
    return recordIncarnation(heard)
  }

  /// Records the service's incarnation. True if it was heard in another one before.
  mutating func recordIncarnation(_ heard: Identifier) -> Bool {
    defer { incarnation = heard }
    return incarnation != nil && incarnation != heard
  }

  /// Greets again: the service does not know the client any more, or something of it has changed.
  mutating func greetAgain(at next: Instant) { state = .greeting(next: next) }

  /// Handles a refusal: greets an unknown service again, or ends the session.
  mutating func receive(_ refusal: Refusal, now: Instant) {
    switch refusal.code {
    // One greeting for all refused messages.
    case .unknownPeer: if isOpen { greetAgain(at: now) }
    case .busy: break
    case .malformed, .mismatch, .invalid, .unsupported: end(refusal)
    }
  }

  /// Ends the session: nothing is sent or accepted any more.
  mutating func end(_ refusal: Refusal) { state = .refused(refusal) }

  /// Says GOODBYE.
  func leave(sink: some FrameSink) { send(Goodbye(id: id), sink: sink) }

  @discardableResult
  func send(_ message: some ValueMessage, sink: some FrameSink) -> Bool {
    message.encode(into: scratch)
    return sink.send(scratch.bytes, to: service)
  }
}
