// Follows a run at its parameter server.

internal import Foundations
public import Transport
public import Wire

/// Asks the parameter server for the run's status, one question at a time. One owner, one thread.
public final class StatusClient {
  private let link: DealerLink
  private let writer = FrameWriter()
  private let counters: [String]?
  private var follower = StatusFollower()
  /// When the question that is under way was sent.
  private var askedAt: Instant?

  /// A question or its answer may be lost.
  private static let askAgain = Instant.Span.seconds(1)

  /// - Parameter counters: those that are wanted of each process; nil for all.
  public init(address: String, counters: [String]? = nil) throws {
    self.counters = counters
    link = try DealerLink(
      connector: Connector(), to: Endpoint(address), frameBytesMax: FrameBounds.parameterAnswer)
  }

  /// Sends a question, unless one is under way; the answer comes with a later `take`.
  public func ask() {
    let now = SystemClock.now()
    if let askedAt, now < askedAt + Self.askAgain { return }
    follower.question(counters: counters).encode(into: writer)
    askedAt = link.send(writer.bytes, to: .service) ? now : nil
  }

  /// The newest answer since the last call, with the evaluations of all answers since then, each once.
  public func take() -> Status? {
    var newest: Status?
    var evaluations: [Evaluation] = []
    link.drain { frame in
      var cursor = FrameCursor(frame)
      guard (try? cursor.openMessage()) == .status, let status = try? Status(from: &cursor) else { return }
      askedAt = nil
      evaluations += follower.take(status)
      newest = status
    }
    newest?.evaluations = evaluations
    return newest
  }

  /// Asks, and waits for an answer; nil if none comes in time.
  func exchange(within patience: Instant.Span) -> Status? {
    let deadline = SystemClock.now() + patience
    var poller = Poller()
    add(to: &poller)
    while true {
      ask()
      if let status = take() { return status }
      let now = SystemClock.now()
      guard now < deadline else { return nil }
      // Until it is connected there is nothing to wait for but the next try.
      poller.wait(until: askedAt == nil ? min(deadline, now + .milliseconds(10)) : deadline, now: now)
    }
  }

  /// Adds the connection to a poller, which then wakes when an answer comes.
  public func add(to poller: inout Poller) { poller.add(link.socket) }
}
