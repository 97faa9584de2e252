// A client's session with a service.

internal import Experience
internal import Foundations
internal import Wire

/// Greets a service (HELLO, JOIN) until it is welcomed, and again whenever the service does not
/// know the client any more; keeps the service's incarnation and a refusal for good.
///
/// Its owner says which message the greeting is, and what a welcome means.
struct ClientSession {
  private enum State {
    /// The service does not know this client, or has not said that it does.
    case greeting(next: Instant)
    case open
    case refused(Refusal)
  }

  let id: Identifier
  /// Whom its frames go to.
  let service: PeerID
  /// The service's incarnation, as far as is known.
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

  /// The service has welcomed the client, and knows it as far as is known.
  var isOpen: Bool { if case .open = state { true } else { false } }
  /// Only then a welcome counts: others are repetitions.
  var isGreeting: Bool { if case .greeting = state { true } else { false } }
  /// Why the service will have nothing of this client, if so.
  var refusal: Refusal? { if case .refused(let refusal) = state { refusal } else { nil } }
  /// `never` for an open session, and for one that is refused.
  var nextGreeting: Instant { if case .greeting(let next) = state { next } else { .never } }
}

extension ClientSession {
  mutating func greet(with greeting: some ValueMessage, now: Instant, sink: some FrameSink) {
    let isSent = send(greeting, sink: sink)
    // Not connected yet: that takes milliseconds at a start.
    state = .greeting(next: now + (isSent ? greetEvery : .milliseconds(20)))
  }

  /// The service knows the client. Returns whether that is another incarnation of it than before.
  mutating func open(by heard: Identifier) -> Bool {
    state = .open
    return meet(heard)
  }

  /// Returns whether the service has been heard in another incarnation before.
  mutating func meet(_ heard: Identifier) -> Bool {
    defer { incarnation = heard }
    return incarnation != nil && incarnation != heard
  }

  /// The service does not know the client any more, or not what matters now.
  mutating func greetAgain(at next: Instant) { state = .greeting(next: next) }

  mutating func take(_ refusal: Refusal, now: Instant) {
    switch refusal.code {
    // One greeting for all messages that were refused.
    case .unknownPeer: if isOpen { greetAgain(at: now) }
    case .busy: break
    case .malformed, .mismatch, .invalid, .unsupported: end(refusal)
    }
  }

  /// Nothing is sent or taken any more.
  mutating func end(_ refusal: Refusal) { state = .refused(refusal) }

  /// Says that the client leaves for good.
  func leave(sink: some FrameSink) { send(Goodbye(id: id), sink: sink) }

  @discardableResult
  func send(_ message: some ValueMessage, sink: some FrameSink) -> Bool {
    message.encode(into: scratch)
    return sink.send(scratch.bytes, to: service)
  }
}
