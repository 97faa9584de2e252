// Follows a run at its parameter server.

internal import Foundations
public import Transport
public import Wire

/// Asks the parameter server for the run's status. One owner, one thread.
public final class StatusClient {
  private let link: DealerLink
  private let writer = FrameWriter()
  private var follower = StatusFollower()

  public init(address: String) throws {
    link = try DealerLink(context: Context(), to: Endpoint(address))
  }

  /// Sends a question; the answer comes with a later `take`.
  public func ask() {
    StatusRequest(evaluationsKnown: follower.evaluationsKnown).encode(into: writer)
    _ = link.send(writer.bytes, to: .service)
  }

  /// The newest answer since the last call, with the evaluations of all answers since then, each once.
  public func take() -> Status? {
    var newest: Status?
    var evaluations: [Evaluation] = []
    link.drain { frame in
      var cursor = FrameCursor(frame)
      guard (try? cursor.openMessage()) == .status, let status = try? Status(from: &cursor) else { return }
      evaluations += follower.take(status)
      newest = status
    }
    newest?.evaluations = evaluations
    return newest
  }

  /// Adds the connection to a poller, which then wakes when an answer comes.
  public func add(to poller: inout Poller) { poller.add(link.socket) }
}
