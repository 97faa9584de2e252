// Why a service cannot go on.

public import Wire

/// A service refused this process for good.
public struct ServiceFailure: Error, Sendable, CustomStringConvertible {
  public var service: String
  public var refusal: Refusal

  public var description: String { "refused by \(service) (\(refusal.code)): \(refusal.text)" }
}
