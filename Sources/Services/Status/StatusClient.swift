// Asks the parameter server for a run's status.

internal import Foundations
public import Transport
public import Wire

/// Asks the parameter server for the run's status, one request at a time. One thread owns it.
public final class StatusClient {
  private let link: DealerLink
  private let writer = FrameWriter()
  private let counters: [String]?
  private var follower = StatusFollower()
  /// When the unanswered request was sent; nil if there is none.
  private var askedAt: Instant?

  /// When to ask again, because a request or its answer may be lost.
  private static let askAgain = Instant.Span.seconds(1)

  /// - Parameters:
  ///   - address: the parameter server's, for example `tcp://127.0.0.1:7702`.
  ///   - counters: the counters to ask for; nil for all.
  /// - Throws: an error if the address or the socket cannot be used.
  public init(address: String, counters: [String]? = nil) throws {
    self.counters = counters
    link = try DealerLink(
      connector: Connector(), to: Endpoint(address), frameBytesMax: FrameBounds.parameterAnswer)
  }

  /// Sends a request, unless one is under way; a later `poll` returns the answer.
  public func ask() {
    let now = SystemClock.now()
    if let askedAt, now < askedAt + Self.askAgain { return }
    follower.question(counters: counters).encode(into: writer)
    askedAt = link.send(writer.bytes, to: .service) ? now : nil
  }

  /// The newest answer since the last call, or nil if there is none. It has the new evaluations of
  /// all answers since then, each once.
  public func poll() -> Status? {
    var newest: Status?
    var evaluations: [Evaluation] = []
    link.drain { frame in
      var cursor = FrameCursor(frame)
      guard (try? cursor.openMessage()) == .status, let status = try? Status(from: &cursor) else { return }
      askedAt = nil
      evaluations += follower.newEvaluations(in: status)
      newest = status
    }
    newest?.evaluations = evaluations
    return newest
  }

  /// Asks and waits for an answer; nil if none comes in time.
  func status(within patience: Instant.Span) -> Status? {
    let deadline = SystemClock.now() + patience
    var poller = Poller()
    add(to: &poller)
    while true {
      ask()
      if let status = poll() { return status }
      let now = SystemClock.now()
      guard now < deadline else { return nil }
      // While the socket is not connected, only the next attempt to send can help.
      poller.wait(until: askedAt == nil ? min(deadline, now + .milliseconds(10)) : deadline, now: now)
    }
  }

  /// Adds the connection to a poller, which then wakes when an answer comes.
  public func add(to poller: inout Poller) { poller.add(link.socket) }
}
