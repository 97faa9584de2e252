// The error that ends a refused process.

internal import Experience
public import Wire

/// A service refused this process, and trying again would not help.
public struct ServiceFailure: Error, Sendable, CustomStringConvertible {
  /// The service's kind, or its address.
  public var service: String
  /// The service's reason.
  public var refusal: Refusal

  init(by service: ServiceKind, _ refusal: Refusal) { self.init(by: service.rawValue, refusal) }

  init(by service: String, _ refusal: Refusal) {
    self.service = service
    self.refusal = refusal
  }

  public var description: String { "refused by \(service) (\(refusal.code)): \(refusal.text)" }
}
