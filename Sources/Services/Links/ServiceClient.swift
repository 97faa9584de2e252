// One request to a service, and its answer.

public import Foundations
internal import Transport
public import Wire

/// Asks a service from outside, over a connection of its own.
public enum ServiceClient {
  /// Sends a message and waits for the first answer of a type.
  ///
  /// - Returns: the answer, or nil if none came in time.
  /// - Throws: `EndpointError` if the address cannot be parsed, `ServiceFailure` with what the
  ///   service refused.
  public static func ask<Answer>(
    _ address: String, timeout: Instant.Span, _ encode: (FrameWriter) -> Void, for type: MessageType,
    _ decode: (inout FrameCursor) throws(WireError) -> Answer
  ) throws -> Answer? {
    let link = try DealerLink(connector: Connector(), to: Endpoint(address))
    var poller = Poller()
    poller.add(link.socket)
    let writer = FrameWriter()
    encode(writer)
    let deadline = SystemClock.now() + timeout
    var asked = false
    var answer: Answer?
    var refusal: Refusal?
    while answer == nil, refusal == nil {
      let now = SystemClock.now()
      if now >= deadline { return nil }
      if !asked { asked = link.send(writer.bytes, to: .service) }
      // Before it is connected it only waits for the next try.
      poller.wait(until: asked ? deadline : min(deadline, now + .milliseconds(10)), now: now)
      link.drain { frame in
        var cursor = FrameCursor(frame)
        switch try? cursor.openMessage() {
        case type: answer = try? decode(&cursor)
        case .refusal: refusal = try? Refusal(from: &cursor)
        default: break
        }
      }
    }
    if let refusal { throw ServiceFailure(by: address, refusal) }
    return answer
  }
}
