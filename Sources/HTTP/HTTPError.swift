// Why a server cannot listen.

internal import Glibc

/// A server that cannot listen: the address, and the system's reason.
public struct HTTPError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The address as `http://host:port`.
  public var address: String
  /// The system's reason.
  public var reason: String
  /// Another process has the address.
  public var isAddressInUse: Bool

  init(_ address: String, reason: String) {
    self.address = address
    self.reason = reason
    isAddressInUse = false
  }

  init(_ address: String, code: Int32) {
    self.address = address
    reason = String(cString: strerror(code))
    isAddressInUse = code == EADDRINUSE
  }

  public var description: String {
    let advice = isAddressInUse ? "; another process listens there: stop it or choose another address" : ""
    return "listening on \(address): \(reason)\(advice)"
  }
}
