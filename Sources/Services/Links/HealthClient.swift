// Asks a service for its health.

public import Foundations
public import Wire

/// Asks a service for its health and status from outside.
public enum HealthClient {
  /// The answer, or nil if none came in time.
  /// - Throws: `EndpointError` if the address cannot be parsed, `ServiceFailure` if the service
  ///   refuses.
  public static func ask(_ address: String, timeout: Instant.Span) throws -> Health? {
    try ServiceClient.ask(address, timeout: timeout, { HealthRequest.encode(into: $0) }, for: .health) {
      (cursor) throws(WireError) in try Health(from: &cursor)
    }
  }
}
