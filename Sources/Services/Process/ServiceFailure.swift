// Why a service cannot go on.

internal import Experience
public import Wire

/// A service refused this process for good.
public struct ServiceFailure: Error, Sendable, CustomStringConvertible {
  /// A kind, or an address.
  public var service: String
  public var refusal: Refusal

  init(by service: ServiceKind, _ refusal: Refusal) { self.init(by: service.rawValue, refusal) }

  init(by service: String, _ refusal: Refusal) {
    self.service = service
    self.refusal = refusal
  }

  public var description: String { "refused by \(service) (\(refusal.code)): \(refusal.text)" }
}
