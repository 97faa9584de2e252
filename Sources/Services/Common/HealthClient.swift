// Asks a service how it is.

public import Foundations
internal import Transport
public import Wire

/// One question, one answer: health and status of a service, from outside.
public enum HealthClient {
  /// The answer, or nil if none came in time.
  /// - Throws: if the address makes no sense.
  public static func ask(_ address: String, timeout: Instant.Span) throws -> Health? {
    let link = try DealerLink(context: Context(), to: Endpoint(address))
    var poller = Poller()
    poller.add(link.socket)
    let writer = FrameWriter()
    HealthRequest.encode(into: writer)
    let deadline = SystemClock.now() + timeout
    var asked = false
    var health: Health?
    while health == nil {
      let now = SystemClock.now()
      if now >= deadline { return nil }
      if !asked { asked = link.send(writer.bytes, to: .service) }
      // Until it is connected there is nothing to wait for but the next try.
      poller.wait(until: asked ? deadline : min(deadline, now + .milliseconds(10)), now: now)
      link.drain { frame in
        var cursor = FrameCursor(frame)
        if (try? cursor.openMessage()) == .health { health = try? Health(from: &cursor) }
      }
    }
    return health
  }
}
