// A failed call of ZeroMQ.

internal import CZeroMQ

/// A failed ZeroMQ call: what was tried, on which address, and the library's reason.
public struct TransportError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What was tried, with the address.
  public var operation: String
  /// ZeroMQ's error number, an `errno` value or one of its own.
  public var code: Int32
  /// ZeroMQ's text for it.
  public var reason: String

  public init(operation: String, code: Int32, reason: String) {
    self.operation = operation
    self.code = code
    self.reason = reason
  }

  static func last(_ operation: String) -> TransportError { TransportError(operation, code: zmq_errno()) }
  static func addressInUse(_ operation: String) -> TransportError {
    TransportError(operation, code: EADDRINUSE)
  }

  private init(_ operation: String, code: Int32) {
    self.init(operation: operation, code: code, reason: String(cString: zmq_strerror(code)))
  }

  /// Another process has the address.
  public var isAddressInUse: Bool { code == EADDRINUSE }

  public var description: String {
    let advice = isAddressInUse ? "; another process listens there: stop it or choose another address" : ""
    return "\(operation): \(reason)\(advice)"
  }
}
