// Asks a service how it is.

public import Foundations
public import Wire

/// One question, one answer: health and status of a service, from outside.
public enum HealthClient {
  /// The answer, or nil if none came in time.
  /// - Throws: if the address makes no sense.
  public static func ask(_ address: String, timeout: Instant.Span) throws -> Health? {
    try ServiceClient.ask(address, timeout: timeout, { HealthRequest.encode(into: $0) }, for: .health) {
      (cursor) throws(WireError) in try Health(from: &cursor)
    }
  }
}
